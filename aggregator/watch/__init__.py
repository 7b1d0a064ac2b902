"""The watch stage: which entries satisfy which queries, and why.

`match` decides, `index` says which of many queries are worth deciding, `explain` tells a person, `lint` advises on a query, `forms` knows
the forms of a word. Values in, values out; the language itself is `aggregator.query`.
"""
