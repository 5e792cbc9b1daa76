"""The table of a chart: names in place of coordinates, panels, bins and cells, and what only guides the eye left out."""

from __future__ import annotations

import plotly.graph_objects as go

from memlab.figures.as_table import rows_of
from memlab.figures.indexes import recall_against_time
from memlab.figures.theme import literal


def test_names_of_an_axis_stand_for_its_coordinates_and_lines_that_say_nothing_are_left_out() -> None:
    figure = go.Figure([go.Scatter(x=[0, 1], y=[0, 0], hoverinfo="skip"), go.Bar(x=[0.25, 0.5], y=[0, 1], name="p")])
    figure.update_yaxes(tickvals=[0, 1], ticktext=[f"<b>{literal('A & <b>')}</b>  ", "B"])
    figure.update_xaxes(title="probability", tickvals=[0, 0.5, 1], ticktext=["0", "", "1"])
    assert rows_of(figure) == [
        {"series": "p", "what": "A & <b>", "probability": "0.25"},
        {"series": "p", "what": "B", "probability": "0.5"},
    ]


def test_an_axis_without_numbers_says_nothing_and_the_words_of_a_point_do() -> None:
    figure = go.Figure(go.Scatter(x=[0.3, 0.4], y=[1, 2], hovertext=["one<br>is 1", "two"], name="dots"))
    figure.update_xaxes(showticklabels=False).update_yaxes(visible=False)
    assert rows_of(figure) == [{"series": "dots", "about": "one is 1"}, {"series": "dots", "about": "two"}]


def test_cells_and_bins() -> None:
    cells = go.Figure(go.Heatmap(z=[[1.0, -2.5]], x=[0, 1], y=[0]))
    cells.update_xaxes(tickvals=[0, 1], ticktext=["all", "1<br>Paris"]).update_yaxes(tickvals=[0], ticktext=["The"])
    assert rows_of(cells) == [{"what": "The", "all": "1", "1 Paris": "-2.5"}]
    bins = go.Figure(go.Histogram(x=[0.1, 0.2, 1.5, 3.5], xbins={"start": 0, "end": 4, "size": 1}, histnorm="percent"))
    bins.update_xaxes(title="distance").update_yaxes(title="%")
    assert [tuple(row.values()) for row in rows_of(bins)] == [("0 to 1", "50"), ("1 to 2", "25"), ("3 to 4", "25")]


def test_missing_values_have_no_row_and_an_empty_chart_no_rows() -> None:
    row = {"recipe": "hnsw", "in_use": True, "p50_ms": 0.25, "recall": 0.95, "usual": True, "lists": 4}
    (found,) = rows_of(recall_against_time([row]))
    assert list(found.values()) == ["hnsw (in use)", "0.25", "0.95", "4 lists read"]
    assert rows_of(go.Figure(go.Scatter(x=[1, 2], y=[None, 3]))) == [{"x": "2", "y": "3"}]
    assert rows_of(go.Figure()) == []
