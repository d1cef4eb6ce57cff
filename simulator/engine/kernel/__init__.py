"""The compiled event kernel of one site.

Everything but ``compiled`` is plain scalar Python without a compiler in sight, and runs as it is
(a test runs both and compares them). ``compiled`` alone imports numba. Read in this order:
``state`` (the records), ``advance`` (the loop), then ``course``, ``pairing``, ``waiting``,
``share``, ``force``, ``load``.
"""
