"""The only home of pjsua2."""
