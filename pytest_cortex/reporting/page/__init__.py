"""``index.html``: one page with everything a run has shown, for people.

Builders turn the record into views, frozen records of words and coordinates; templates only place them.  The page asks
for nothing else, no network and no script: all pictures are SVG inside it, and the script sorts, filters and copies.
"""
