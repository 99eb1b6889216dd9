"""The charts: ``content`` decides what each one shows, ``drawing`` draws it, ``encoding`` makes bytes of it.

``catalogue`` says which charts there are and what they say in words.  It and ``content`` are numbers and words only;
``drawing`` and ``encoding`` load matplotlib, so import those late.
"""
