"""Ways to where people read: SMTP, channels, a folder of .eml files, and the archive's pages.

smtp.py       a mail server, in steps whose phases the outbox can see
directory.py  a folder of .eml files: the default until a mail server is named
webhook.py    signed JSON by HTTP POST (Standard Webhooks)
notify.py     chat and push through Apprise
channels.py   which of them a channel of digests.yaml means
pages.py      the archive of editions as plain files
"""
