-- name: compositions
-- Answered questions that hold any of the words, best first, among the newest 2,000.
SELECT c.id, c.title, c.text
FROM (
    SELECT composition_id::text AS id, query_text AS title, left(COALESCE(synthesized_response, ''), 300) AS text,
           to_tsvector('english', query_text || ' ' || COALESCE(synthesized_response, '')) AS words
    FROM composer_episodes
    WHERE status = 'COMPLETED'
    ORDER BY created_at DESC
    LIMIT 2000
) AS c, CAST(replace(plainto_tsquery('english', %(words)s)::text, '&', '|') AS tsquery) AS q
WHERE c.words @@ q
ORDER BY ts_rank(c.words, q) DESC, c.id
LIMIT %(limit)s;

-- name: documents_by_words
-- Documents that hold any of the words, best first.
SELECT d.document_id::text AS id, d.title, left(d.body, 300) AS text
FROM documents AS d, CAST(replace(plainto_tsquery('english', %(words)s)::text, '&', '|') AS tsquery) AS q
WHERE d.search @@ q
ORDER BY ts_rank(d.search, q) DESC, d.document_id
LIMIT %(limit)s;

-- name: documents_by_vector
-- Documents near a vector of the same model.
SELECT d.document_id::text AS id, d.title, left(d.body, 300) AS text
FROM documents AS d
WHERE d.embedding_model = %(model)s AND 1 - (d.embedding <=> %(embedding)s::vector) >= %(min_similarity)s
ORDER BY d.embedding <=> %(embedding)s::vector, d.document_id
LIMIT %(limit)s;
