"""The softphone's own SIP: messages, transactions, dialogs; apart from pjsip's and the edge's."""
