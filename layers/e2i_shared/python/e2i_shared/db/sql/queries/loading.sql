-- name: prepare
-- No time limit on a copy, times in UTC, and the order of day and month that the file's dates are written in.
SELECT set_config('statement_timeout', '0', true), set_config('timezone', 'UTC', true),
    set_config('datestyle', %(datestyle)s, true), set_config('synchronize_seqscans', 'off', true), set_config('jit', 'off', true);

-- name: create_table
-- The table of a new version; it is sealed before anyone else can see it.
SELECT create_rows_table(%(dataset_id)s, %(version)s, %(columns)s) AS name;

-- name: seal_table
-- Read-only, and only for this tenant, from now on.
SELECT seal_rows_table(%(dataset_id)s, %(version)s);

-- name: copy
-- Delimited text as it is; FREEZE because the table is as new as the transaction.
COPY {table} FROM STDIN (FORMAT csv, HEADER true, FREEZE true, ENCODING 'UTF8', DELIMITER {delimiter}, NULL {null}, FORCE_NULL ({columns}));

-- name: copy_staging
-- Delimited text, all of it as text.
COPY {table} FROM STDIN (FORMAT csv, HEADER true, FREEZE true, ENCODING 'UTF8', DELIMITER {delimiter}, NULL '', FORCE_NULL ({columns}));

-- name: create_staging
-- Where text waits for its conversion.
CREATE TEMPORARY TABLE {table} ({columns}) ON COMMIT DROP;

-- name: staging_column
-- A column of the staging table.
{column} text;

-- name: convert
-- Staged text into the typed table, in the file's order.
INSERT INTO {table} SELECT {expressions} FROM {staging};

-- name: one_worker
-- Keep the order of the rows.
SELECT set_config('max_parallel_workers_per_gather', '0', true);

-- name: convert_number
-- A number's text, or nothing where the cell spells a missing value.
CASE WHEN btrim({column}) = ANY ({tokens}) THEN NULL ELSE btrim({column}) END;

-- name: convert_decimal_comma
-- The same with a decimal comma.
CASE WHEN btrim({column}) = ANY ({tokens}) THEN NULL ELSE replace(btrim({column}), ',', '.') END;

-- name: convert_month
-- The first day of a month written YYYY-MM.
CASE WHEN btrim({column}) = ANY ({tokens}) THEN NULL ELSE btrim({column}) || '-01' END;

-- name: convert_flag
-- A truth value that an export wrote as 1.0 or 0.0.
CASE WHEN btrim({column}) = ANY ({tokens}) THEN NULL
    WHEN btrim({column}) = '1.0' THEN 'true' WHEN btrim({column}) = '0.0' THEN 'false' ELSE btrim({column}) END;

-- name: convert_text
-- Text, or nothing where the file uses this spelling for missing values.
CASE WHEN btrim({column}) = ANY ({missing}) THEN NULL ELSE {column} END;

-- name: cast
-- A converted text as its column's type.
CAST({expression} AS {type});

-- name: first_invalid
-- The first staged row whose text is not of the column's type.
SELECT record, value FROM (SELECT row_number() OVER () AS record, {expression} AS value FROM {staging}) AS rows
WHERE value IS NOT NULL AND NOT pg_input_is_valid(value, {type})
LIMIT 1;

-- name: first_not_finite
-- The first row that holds an infinite number or date, or not a number.
SELECT record, value FROM (SELECT row_number() OVER () AS record, {column}::text AS value FROM {table}) AS rows
WHERE value IN ('NaN', 'Infinity', '-Infinity', 'infinity', '-infinity')
LIMIT 1;

-- name: moments
-- Counts, bounds and moments of some columns in one scan.
SELECT {columns} FROM {table};

-- name: moments_number
-- Count, bounds, mean, sample standard deviation, and whether all numbers are whole.
count({column}), min({column}), max({column}), avg({column}), stddev_samp({column}), bool_and({column} = trunc({column}));

-- name: moments_boolean
-- The same of 0 and 1.
count({column}), min({column}::int)::float8, max({column}::int)::float8, avg({column}::int)::float8,
stddev_samp({column}::int)::float8, true;

-- name: moments_text
-- Text has a count, and whether a cell was empty while another spelling stood for missing.
count({column}), bool_or({column} = ''), NULL, NULL, NULL, NULL;

-- name: moments_date
-- Count and bounds as text.
count({column}), min({column})::text, max({column})::text, NULL, NULL, NULL;

-- name: moments_datetime
-- Count and bounds as text in ISO 8601, UTC.
count({column}), to_char(min({column}), 'YYYY-MM-DD"T"HH24:MI:SS'), to_char(max({column}), 'YYYY-MM-DD"T"HH24:MI:SS'), NULL, NULL, NULL;

-- name: levels
-- How many levels a column has, and its most frequent ones.
SELECT count(*) OVER () AS levels, {text} AS level, count(*) AS n
FROM {table} WHERE {column} IS NOT NULL
GROUP BY {column} ORDER BY n DESC, ({text}) COLLATE "C" LIMIT {limit};

-- name: joint_levels
-- How often each combination of some columns' levels occurs.
SELECT {texts}, count(*) AS n FROM {table} GROUP BY {columns};

-- name: level_plain
-- A level as text.
{column}::text;

-- name: level_datetime
-- A time as text in ISO 8601, UTC.
to_char({column}, 'YYYY-MM-DD"T"HH24:MI:SS');

-- name: quantiles
-- Quantiles by linear interpolation.
SELECT percentile_cont({fractions}::float8[]) WITHIN GROUP (ORDER BY {column}) AS quantiles FROM {table};

-- name: sample
-- A reproducible part of a large table.
CREATE TEMPORARY TABLE {part} ON COMMIT DROP AS SELECT * FROM {table} TABLESAMPLE BERNOULLI ({percent}) REPEATABLE (1);

-- name: sample_levels
-- Distinct levels, levels seen once, and values in the sample.
SELECT count(*) AS levels, count(*) FILTER (WHERE n = 1) AS singles, COALESCE(sum(n), 0)::bigint AS seen
FROM (SELECT count(*) AS n FROM {table} WHERE {column} IS NOT NULL GROUP BY {column}) AS grouped;
