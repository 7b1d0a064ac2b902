"""Stories: which entries of which feeds tell the same news, and the words around them.

assign.py    new entries -> their stories        shingles.py  how much of one text stands in another
extract.py   an article page -> its text         language.py  which language a text is in
surroundings.py  what stands around an article   calls.py     lines that speak of the page itself
withheld.py  pages that ask not to be kept
"""
