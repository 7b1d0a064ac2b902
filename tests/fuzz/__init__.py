"""Whatever is put in: a promise for every input of a kind, and inputs made without end to find one that breaks it.

targets      the promises, by name: functions of bytes that raise only where a promise is broken
documents    parse, slice                       queries        query
configuration  settings                         strangers      what else comes from outside
dice         inputs made of samples             hunt           inputs tried within limits of time; what was found, made small
`python -m tests.fuzz NAME --seconds 600` hunts led by coverage where atheris is installed, else by dice alone.
"""
