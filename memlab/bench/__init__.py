"""What measures memlab itself: speeds against their bare parts in the same run, and the crash test of the record."""
