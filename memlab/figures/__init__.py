"""Plotly figures: plain functions, a result in, a `plotly.graph_objects.Figure` out."""

from memlab.figures.answers import three_answers, union

__all__ = ["three_answers", "union"]
