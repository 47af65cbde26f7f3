/**
 * Tables, views and columns of a SQLite file, names wanted as JSON texts or null. It reads pragmas, which nothing else
 * may: the child knows it by its text.
 */
export const SQLITE_CATALOGUE = `SELECT 'main', m.name, m.kind, NULL, c.name, c.type,
    c."notnull" = 0 AND NOT (c.pk = 1 AND upper(c.type) = 'INTEGER')
  FROM (SELECT name, CASE type WHEN 'view' THEN 'VIEW' ELSE 'TABLE' END AS kind FROM sqlite_schema
    WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite^_%' ESCAPE '^'
      AND (?1 IS NULL OR 'main' IN (SELECT value FROM json_each(?1)))
      AND (?2 IS NULL OR name IN (SELECT value FROM json_each(?2)))
    ORDER BY name LIMIT ?3) m
  LEFT JOIN pragma_table_xinfo(m.name) c ON c.hidden <> 1
  ORDER BY m.name, c.cid`;
