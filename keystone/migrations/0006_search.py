"""Search people by one rule for both sides: the database cuts the stored text and the query into the same words.

No rule here depends on the locale of the server, and no extension is needed.
"""

import json
import unicodedata
from collections.abc import Callable
from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models
from django.db.models import F, Func

APOSTROPHES = (
    "\u0060\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u055a\u05f3\u2018\u2019\u201b\u2032\ua78b\ua78c\uff07"
)
DOTTED_I = "i\u0307"  # what is left of the Turkish capital
SHARP_S = "\u00df"
NON_JOINER = "\u200c"  # Persian writes it where others write a space
# Shown as nothing, or decoration: soft hyphen, grapheme joiner, tatweel, joiner, directions, variation selectors.
IGNORED = (
    r"\u00ad\u034f\u061c\u0640\u180b-\u180f\u200b\u200d-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\U000e0000-\U000e0fff"
)


def _ranges(chosen: Callable[[str], bool]) -> str:
    """The characters beyond ASCII that are chosen, as the inside of a bracket expression."""
    found: list[list[int]] = []
    for code in range(0x80, 0x110000):
        if not chosen(chr(code)):
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in found)


def _is_separator(character: str) -> bool:
    """Neither letter, mark nor digit. What Unicode has yet to assign counts as a letter."""
    kind = unicodedata.category(character)
    return kind[0] in "PSZC" and kind not in {"Cn", "Cs"}


# Upper case and lower case of what is left after decomposition; the Turkish i without a dot is found as an i.
FOLDED = {
    character: character.casefold()
    for character in map(chr, range(0x80, 0x110000))
    if len(character.casefold()) == 1
    and character.casefold() != character
    and unicodedata.normalize("NFKD", character) == character
} | {"\u0131": "i", "\u1e9e": "\u00df"}

WORDS = rf"""
CREATE FUNCTION keystone_search_words(given text, is_stored boolean) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    folded text := given;
BEGIN
    IF octet_length(folded) > char_length(folded) THEN
        folded := translate(folded, '{APOSTROPHES}', repeat('''', {len(APOSTROPHES)}));
        folded := normalize(regexp_replace(folded, '[{IGNORED}]', '', 'g'), NFKD);
        folded := (  -- as translate() would, which is slow with so many characters
            SELECT string_agg(coalesce(jsonb '{json.dumps(FOLDED)}' ->> letter, letter), '' ORDER BY place)
            FROM string_to_table(folded, NULL) WITH ORDINALITY AS letters (letter, place)
        );
        folded := replace(replace(lower(folded COLLATE "C"), '{SHARP_S}', 'ss'), '{DOTTED_I}', 'i');
        folded := normalize(folded, NFKC);
    END IF;
    folded := lower(folded COLLATE "C");
    IF NOT is_stored THEN
        folded := translate(folded, '{NON_JOINER}', '');
    ELSIF folded ~ '[''{NON_JOINER}]' THEN
        folded := folded || ' ' || translate(folded, '''{NON_JOINER}', '');  -- O'Neil is also found as ONeil
    END IF;
    RETURN ARRAY(
        SELECT left(word, 100)
        FROM regexp_split_to_table(folded, '[\x01-\x2f\x3a-\x60\x7b-\x7f{_ranges(_is_separator)}]+') AS word
        WHERE word <> ''
    );
END $$;
"""  # noqa: S608 - made of constants

QUERY = """
CREATE FUNCTION keystone_search_query(given text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    words text[] := keystone_search_words(given, false);
BEGIN
    RETURN CASE WHEN words <> '{}' THEN ('''' || array_to_string(words, ''':* & ''') || ''':*')::tsquery END;
END $$;
"""

NAMES_IN_ONE = Func(
    Func(F("last_name"), F("first_name"), arg_joiner=" || ", template="(%(expressions)s)"),
    template="CASE WHEN octet_length(%(expressions)s) > char_length(%(expressions)s) THEN %(expressions)s ELSE '' END",
    output_field=models.TextField(),
)
DOCUMENT = Func(
    Func(
        F("first_name"),
        F("last_name"),
        F("email"),
        F("email_normalized"),
        NAMES_IN_ONE,
        arg_joiner=" || ' ' || ",
        template="%(expressions)s",
        output_field=models.TextField(),
    ),
    template="array_to_tsvector(keystone_search_words(%(expressions)s, true))",
    output_field=SearchVectorField(),
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("keystone", "0005_decisions_and_imports")]
    operations: ClassVar = [
        migrations.RunSQL(WORDS, "DROP FUNCTION keystone_search_words(text, boolean);"),
        migrations.RunSQL(QUERY, "DROP FUNCTION keystone_search_query(text);"),
        migrations.AddField(
            model_name="user",
            name="search_words",
            field=models.GeneratedField(expression=DOCUMENT, output_field=SearchVectorField(), db_persist=True),
        ),
        migrations.AddIndex(model_name="user", index=GinIndex(fields=["search_words"], name="user_search")),
    ]
