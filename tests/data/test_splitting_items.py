"""Class names have one order and one spelling."""

from secondlook.data.splitting import is_plain_text, normalize_name, order_classes


def test_numbers_come_by_value_and_the_positive_class_last() -> None:
    """10 stands after 9, text after numbers, and the class that is asked about at the end."""
    assert order_classes(["10", "b", "9", "a", "9"]) == ["9", "10", "a", "b"]
    assert order_classes(["8", "not 8"], "8") == ["not 8", "8"]
    assert order_classes(["a", "b", "c"], "a") == ["b", "c", "a"]


def test_one_spelling_of_accents() -> None:
    """An e with a combining accent is the same class as the one character."""
    assert normalize_name("cafe\u0301") == normalize_name("caf\u00e9") == "caf\u00e9"


def test_names_fit_for_a_line_of_text() -> None:
    """Any alphabet and any space, but no control character and nothing that is not UTF-8."""
    assert all(map(is_plain_text, ["a b", "帽子", "caf\u00e9", "\u3000", "[b]"]))
    assert not any(map(is_plain_text, ["a\rb", "a\nb", "\0", "caf\udce9"]))
