"""Names of column types, made by hypothesis."""

from hypothesis import strategies as st

from ingest_project.settings.type_grammar import PRIMITIVE_TYPES, quoted_name

decimals = st.integers(1, 38).flatmap(
    lambda precision: st.integers(0, precision).map(lambda scale: f"decimal({precision},{scale})")
)
primitives = st.one_of(
    st.sampled_from(PRIMITIVE_TYPES), decimals, st.integers(1, 64).map(lambda size: f"fixed[{size}]")
)
field_names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda name: bool(name.strip())
)
sound_names = st.recursive(
    primitives,
    lambda inner: st.one_of(
        inner.map(lambda element: f"list<{element}>"),
        st.tuples(primitives, inner).map(lambda pair: f"map<{pair[0]}, {pair[1]}>"),
        st.lists(
            st.tuples(field_names, inner), min_size=1, max_size=3, unique_by=lambda one: one[0].lower()
        ).map(
            lambda fields: "struct<" + ", ".join(f"{quoted_name(name)}: {one}" for name, one in fields) + ">"
        ),
    ),
    max_leaves=6,
)
PIECES = [
    *PRIMITIVE_TYPES, "list", "map", "struct", "decimal", "fixed", "<", ">", ",", ":", "(", ")", "[", "]",
    "`", " ", "a", "9",
    "decimal(9,2)", "fixed[4]", "timestamp_ns", "variant",
]  # fmt: skip
scrambled_names = st.lists(st.sampled_from(PIECES), max_size=10).map("".join)
