"""How speedups went from run to run: a folder of one small file per run, thinned out as it grows old."""
