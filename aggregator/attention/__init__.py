"""The attention stage: what is usual for a watchlist or a feed by its own last weeks, and what is not.

`usual` knows the rhythm of hours, `burst` finds far more than that, `silence` nothing where there is usually something, `words`
which words headlines have. Values in, values out; decision 38 has what was measured.
"""
