"""Plotly figures: plain functions from a result to a `plotly.graph_objects.Figure`."""

from memlab.figures.answers import three_answers, union

__all__ = ["three_answers", "union"]
