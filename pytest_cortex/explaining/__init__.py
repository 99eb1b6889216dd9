"""Why a program is no faster: where the missing speedup went, and at which line threads waited."""
