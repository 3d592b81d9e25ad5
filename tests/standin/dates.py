"""Dates as the `date` processor reads and writes them: ISO8601, UNIX, UNIX_MS, TAI64N, and patterns of java.time letters.

A subset: numeric fields, English month and day names, offsets and zone ids; other letters are refused when the pipeline is
read. Decides nothing about documents.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.standin.errors import illegal_argument

DEFAULT_OUTPUT = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PIECE = re.compile(r"'(?P<text>(?:[^']|'')*)'|(?P<letter>[A-Za-z])(?P=letter)*|(?P<other>[^A-Za-z'])")
_OFFSET = r"Z|[+-]\d{2}(?::?\d{2})?(?::?\d{2})?"
_ISO = re.compile(
    r"(?P<y>\d{4})(?:-(?P<M>\d{2})(?:-(?P<d>\d{2}))?)?"
    rf"(?:T(?P<H>\d{{2}})(?::?(?P<m>\d{{2}})(?::?(?P<s>\d{{2}})(?:[.,](?P<S>\d{{1,9}}))?)?)?(?P<X>{_OFFSET})?)?"
)
_NAMED_OUTPUT = {"epoch_millis", "epoch_second", "iso8601", "strict_date_optional_time", "date_optional_time", "strict_date_time"}
_NUMBERS: Mapping[str, str] = {"d": "d", "H": "H", "h": "h", "k": "H", "m": "m", "s": "s"}


class DateError(ValueError):
    """A text is not a date of the format."""


def zone(name: str | None) -> tzinfo:
    """A time zone by its id or offset; UTC without one. Raises DateError."""
    if name is None or name in ("UTC", "Z", "GMT"):
        return UTC
    if re.fullmatch(_OFFSET, name):
        return _offset(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        msg = f"Unknown time-zone ID: {name}"
        raise DateError(msg) from None


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "").ljust(6, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return timezone(-size if text[0] == "-" else size)


def parse_date(text: str, pattern: str, where: tzinfo, now: float) -> datetime:
    """Read a date by one format, in the zone of the processor. Raises DateError."""
    try:
        if pattern in _READERS:
            return _READERS[pattern](text, where)
        return _by_pattern(text, pattern, where, now)
    except (ValueError, OverflowError, OSError) as error:
        raise DateError(str(error)) from None


def _iso(text: str, where: tzinfo) -> datetime:
    match = _ISO.fullmatch(text)
    if match is None:
        msg = f"failed to parse date field [{text}] with format [iso8601]"
        raise DateError(msg)
    return _built(match.groupdict(), where, 1)


def _unix(text: str, where: tzinfo) -> datetime:
    return datetime.fromtimestamp(int(float(text) * 1000) / 1000, where)


def _unix_ms(text: str, where: tzinfo) -> datetime:
    return datetime.fromtimestamp(int(text) / 1000, where)


def _tai64n(text: str, where: tzinfo) -> datetime:
    digits = text.removeprefix("@")
    millis = int(digits[1:16], 16) * 1000 - 10000 + int(digits[16:24], 16) // 1_000_000
    return datetime.fromtimestamp(millis / 1000, where)


_READERS: Mapping[str, Callable[[str, tzinfo], datetime]] = {
    "ISO8601": _iso,
    "iso8601": _iso,
    "strict_date_optional_time": _iso,
    "date_optional_time": _iso,
    "UNIX": _unix,
    "epoch_second": _unix,
    "UNIX_MS": _unix_ms,
    "epoch_millis": _unix_ms,
    "TAI64N": _tai64n,
}


def _by_pattern(text: str, pattern: str, where: tzinfo, now: float) -> datetime:
    match = re.compile(_regex(pattern)).fullmatch(text)
    if match is None:
        msg = f"failed to parse date field [{text}] with format [{pattern}]"
        raise DateError(msg)
    found = match.groupdict()
    year = datetime.fromtimestamp(now, UTC).year if found.get("y") is None and found.get("u") is None else 1
    return _built(found, where, year)


def _built(found: Mapping[str, str | None], where: tzinfo, year: int) -> datetime:
    offset, region = found.get("X"), found.get("VV")
    home = _offset(offset) if offset else zone(region) if region else where
    fraction = (found.get("S") or "0").ljust(6, "0")[:6]
    built = datetime(
        _year(found.get("y") or found.get("u"), year),
        _month(found.get("M")),
        int(found.get("d") or 1),
        _hour(found),
        int(found.get("m") or 0),
        int(found.get("s") or 0),
        int(fraction),
        home,
    )
    return built.astimezone(where)


def _year(text: str | None, default: int) -> int:
    if text is None:
        return default
    return 2000 + int(text) if len(text) == 2 else int(text)


def _month(text: str | None) -> int:
    if text is None:
        return 1
    if text.isdigit():
        return int(text)
    return 1 + next(number for number, name in enumerate(_MONTHS) if name.lower().startswith(text.lower()))


def _hour(found: Mapping[str, str | None]) -> int:
    if found.get("h") is None:
        return int(found.get("H") or 0)
    return int(found["h"] or 0) % 12 + (12 if (found.get("a") or "").lower() == "pm" else 0)


@functools.lru_cache(maxsize=256)
def _regex(pattern: str) -> str:
    """The pattern as a regular expression with a group per field."""
    alternatives = pattern.split("||")
    if len(alternatives) > 1:
        # One alternative at a time would need one set of groups each; nobody writes them in a processor that has a list.
        raise illegal_argument(f"Invalid format: [{pattern}]: the stand-in knows no alternatives inside one format")
    return "".join(_reading(match) for match in _pieces(pattern))


def _pieces(pattern: str) -> list[re.Match[str]]:
    pieces = list(_PIECE.finditer(pattern.removeprefix("8")))
    if sum(len(piece[0]) for piece in pieces) != len(pattern.removeprefix("8")):
        raise illegal_argument(f"Invalid format: [{pattern}]: Pattern ends with an incomplete string literal")
    return pieces


def _literal(piece: re.Match[str]) -> str:
    return str(piece["other"]) if piece["other"] is not None else piece["text"].replace("''", "'") or "'"


def _reading(piece: re.Match[str]) -> str:
    letter, count = piece["letter"], len(piece[0])
    if letter is None:
        return re.escape(_literal(piece))
    if letter not in _READING:
        raise illegal_argument(f"Invalid format: [{piece.string}]: Unknown pattern letter: {letter}")
    return _READING[letter](count)


def _number(group: str) -> Callable[[int], str]:
    return lambda count: rf"(?P<{group}>\d{{{count if count > 1 else '1,2'}}})"


def _year_of(count: int) -> str:
    return rf"(?P<y>\d{{{count if count > 1 else '1,4'}}})"


def _month_of(count: int) -> str:
    return r"(?P<M>[A-Za-z]+)" if count > 2 else _number("M")(count)


_READING: Mapping[str, Callable[[int], str]] = {
    **{letter: _number(group) for letter, group in _NUMBERS.items()},
    **dict.fromkeys("yu", _year_of),
    **dict.fromkeys("ML", _month_of),
    **dict.fromkeys("XxZ", lambda _: rf"(?P<X>{_OFFSET})"),
    **dict.fromkeys("zV", lambda _: r"(?P<VV>[A-Za-z]+(?:/[A-Za-z_]+)*)"),
    "S": lambda count: rf"(?P<S>\d{{1,{count}}})",
    "E": lambda _: r"[A-Za-z]+",
    "a": lambda _: r"(?P<a>[AaPp][Mm])",
}


def check_output_format(pattern: str | None) -> None:
    """Raise 400 for an output format that can't be written."""
    if pattern is None or pattern in _NAMED_OUTPUT:
        return
    try:
        _regex(pattern)
    except Exception as error:
        raise illegal_argument(f"invalid output format [{pattern}]") from error


def format_date(moment: datetime, pattern: str = DEFAULT_OUTPUT) -> str:
    """Write a date by a format."""
    match pattern:
        case "epoch_millis":
            return str(int(moment.timestamp() * 1000))
        case "epoch_second":
            return str(int(moment.timestamp()))
        case _ if pattern in _NAMED_OUTPUT:
            return format_date(moment)
        case _:
            return "".join(_written(piece, moment) for piece in _pieces(pattern))


def _written(piece: re.Match[str], moment: datetime) -> str:
    letter, count = piece["letter"], len(piece[0])
    return _literal(piece) if letter is None else _WRITING[letter](moment, count)


def _written_year(moment: datetime, count: int) -> str:
    return f"{moment.year % 100:02d}" if count == 2 else str(moment.year).zfill(count)


def _written_month(moment: datetime, count: int) -> str:
    name = _MONTHS[moment.month - 1]
    return str(moment.month).zfill(count) if count < 3 else _short(name, count)


def _short(name: str, count: int) -> str:
    return name if count > 3 else name[:3]


def _written_offset(moment: datetime, count: int, zero: str | None = None) -> str:
    offset = moment.utcoffset() or timedelta()
    if zero is not None and not offset:
        return zero
    minutes = abs(int(offset.total_seconds() // 60))
    colon = ":" if count in {3, 5} else ""
    return f"{'-' if offset < timedelta() else '+'}{minutes // 60:02d}{colon}{minutes % 60:02d}"


_WRITING: Mapping[str, Callable[[datetime, int], str]] = {
    **dict.fromkeys("yu", _written_year),
    **dict.fromkeys("ML", _written_month),
    **dict.fromkeys("xZ", _written_offset),
    **dict.fromkeys("zV", lambda moment, _: moment.tzname() or ""),
    "X": lambda moment, count: _written_offset(moment, count, "Z"),
    "S": lambda moment, count: f"{moment.microsecond:06d}000"[:count],
    "E": lambda moment, count: _short(_DAYS[moment.weekday()], count),
    "a": lambda moment, _: "AM" if moment.hour < 12 else "PM",
    "d": lambda moment, count: str(moment.day).zfill(count),
    "H": lambda moment, count: str(moment.hour).zfill(count),
    "h": lambda moment, count: str(moment.hour % 12 or 12).zfill(count),
    "k": lambda moment, count: str(moment.hour or 24).zfill(count),
    "m": lambda moment, count: str(moment.minute).zfill(count),
    "s": lambda moment, count: str(moment.second).zfill(count),
}
