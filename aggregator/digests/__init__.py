"""What belongs in an edition, and when it comes out: values in, values out, no I/O.

windows.py     wall-clock times in an IANA zone -> due moments and windows that join without gap or overlap
edition.py     waiting matches -> an Edition: stories once each, in order, with their outlets and reasons
prominence.py  where the watched words stand -> a score and a level
excerpt.py     the sentences around a match, with what to highlight
messages.py    what differs between the recipients of one edition: token and Message-ID
outbox.py      how an attempt ended -> what becomes of the message
"""
