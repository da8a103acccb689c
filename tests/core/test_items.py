"""Class names have one order and one spelling."""

from stages.core.items import classes, normal


def test_numbers_come_by_value_and_the_positive_class_last() -> None:
    """10 stands after 9, text after numbers, and the class that is asked about at the end."""
    assert classes(["10", "b", "9", "a", "9"]) == ["9", "10", "a", "b"]
    assert classes(["8", "not 8"], "8") == ["not 8", "8"]
    assert classes(["a", "b", "c"], "a") == ["b", "c", "a"]


def test_one_spelling_of_accents() -> None:
    """An e with a combining accent is the same class as the one character."""
    assert normal("cafe\u0301") == normal("caf\u00e9") == "caf\u00e9"
