-- name: steady
-- One worker that scans from the first page on, with times in UTC: rows come back in the order in which they were loaded.
SELECT set_config('synchronize_seqscans', 'off', true), set_config('max_parallel_workers_per_gather', '0', true),
    set_config('timezone', 'UTC', true), set_config('enable_indexscan', 'off', true), set_config('jit', 'off', true);

-- name: read
-- Packed columns of the rows that pass: one value per column, each a run of fixed-width big-endian fields.
SELECT count(*) AS n, {columns} FROM {table} WHERE {conditions};

-- name: every_row
-- The condition of a read without filters.
true;

-- name: pack_number
-- Eight bytes a row; a missing number is NaN.
string_agg(float8send(COALESCE({column}, 'NaN')), '');

-- name: pack_boolean
-- Two bytes a row; a missing truth value is -1.
string_agg(int2send(COALESCE({column}::int, -1)::int2), '');

-- name: pack_date
-- Four bytes a row: days since 2000-01-01; a missing date is the smallest integer.
string_agg(date_send(COALESCE({column}, '-infinity')), '');

-- name: pack_datetime
-- Eight bytes a row: microseconds since 2000-01-01 UTC; a missing time is the smallest integer.
string_agg(timestamptz_send(COALESCE({column}, '-infinity')), '');

-- name: pack_text
-- Eight bytes a row: the text's hash under a seed for which the column's levels do not collide; a missing text is 0.
string_agg(int8send(COALESCE(hashtextextended({column}, {seed}), 0)), '');

-- name: levels
-- The levels of a text column with their hashes.
SELECT {column} AS level, hashtextextended({column}, {seed}) AS hash FROM {table} WHERE {column} IS NOT NULL GROUP BY {column};

-- name: where_eq
-- Equal to one value.
{column} = {first};

-- name: where_ne
-- Present and unlike one value.
{column} <> {first};

-- name: where_lt
-- Below a bound.
{column} < {first};

-- name: where_le
-- Up to a bound.
{column} <= {first};

-- name: where_gt
-- Above a bound.
{column} > {first};

-- name: where_ge
-- From a bound on.
{column} >= {first};

-- name: where_between
-- Between two bounds, both included.
{column} BETWEEN {first} AND {last};

-- name: where_in
-- One of a list.
{column} = ANY({all});

-- name: compare_boolean
-- A truth value as the number it is compared as.
{column}::int::float8;

-- name: compare_plain
-- Any other column, compared as it is.
{column};
