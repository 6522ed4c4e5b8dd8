"""Pages and tables in HTML."""

from ilora.plotting.html_page import html_page, html_table, paragraph, section


def test_a_table_has_a_cell_for_each_text_and_a_heading_over_all_columns() -> None:
    table = html_table(("Name", "Value"), ["Block", ("a < b", "0.5\n[0.4, 0.6]")])
    assert '<th class="group" colspan="2">Block</th>' in table
    assert '<td>a &lt; b</td><td class="lines">0.5\n[0.4, 0.6]</td>' in table
    assert table.count("<tr>") == 3


def test_a_page_is_whole_and_fetches_nothing() -> None:
    page = html_page("A & B", "What one <learns>", section("C < D", paragraph("text & more")), ["a note"])
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
    for part in (
        "<title>A &amp; B</title>",
        "<h2>C &lt; D</h2>",
        "<p>text &amp; more</p>",
        "<li>a note</li>",
        "<h1>A &amp; B</h1>\n<p>What one &lt;learns&gt;</p>",
    ):
        assert part in page
    assert "http" not in page and "url(" not in page
    assert "<ul>" not in html_page("A", "", "") and "<script>" not in page


def test_details_are_folded_and_tables_can_be_sorted() -> None:
    page = html_page("A", "Lead", html_table(("Name",), [("x",)]), ["a note"], ["a detail"])
    note, detail = page.index("<li>a note</li>"), page.index("<li>a detail</li>")
    assert note < page.index("<details>") < detail < page.index("</details>")
    assert page.count("<script>") == 1 and "function sortBy" in page
