"""Measurements of memlab itself: speeds relative to their bare parts in the same run, and the record's crash test."""
