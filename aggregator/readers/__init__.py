"""What may be asked of us and how it is read: stages, values in and values out.

rhythm   `daily 07:30` <-> schedule; a reader's choice -> the digest that all with the same choice share
limits   how many letters an address, a network, a domain and everybody may have
forms    signed moments: a form that was really shown, neither a second ago nor yesterday
"""
