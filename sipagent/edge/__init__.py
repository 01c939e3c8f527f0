"""SIP front door: listeners, messages, proxy, guard, dialog memory."""
