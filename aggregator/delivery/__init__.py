"""Ways to where people read: SMTP, a folder of .eml files, and the archive's pages.

smtp.py       a mail server, in steps whose phases the outbox can see
directory.py  a folder of .eml files: the default until a mail server is named
pages.py      the archive of editions as plain files
"""
