import type { ParameterValue, Statement } from './engine.ts';

/** Whether the user may do more than read: in the whole database, a schema or a table, itself or by a role. */
export const RIGHTS = `SELECT CASE WHEN EXISTS (
    SELECT 1 FROM sys.fn_my_permissions(NULL, 'DATABASE')
    WHERE permission_name IN ('INSERT', 'UPDATE', 'DELETE', 'ALTER', 'CONTROL', 'EXECUTE', 'CREATE TABLE'))
  OR EXISTS (
    SELECT 1 FROM sys.database_permissions AS p
    WHERE p.state IN ('G', 'W') AND p.type IN ('IN', 'UP', 'DL', 'AL', 'CL', 'EX')
      AND (p.class = 3 OR EXISTS (SELECT 1 FROM sys.objects AS o WHERE p.class = 1 AND o.object_id = p.major_id AND o.is_ms_shipped = 0))
      AND (p.grantee_principal_id = USER_ID() OR IS_ROLEMEMBER(USER_NAME(p.grantee_principal_id)) = 1))
  THEN 1 ELSE 0 END AS writes`;

const TYPE = `CASE
      WHEN y.name IN ('decimal', 'numeric') THEN CONCAT(y.name, '(', c.precision, ',', c.scale, ')')
      WHEN y.name IN ('time', 'datetime2', 'datetimeoffset') THEN CONCAT(y.name, '(', c.scale, ')')
      WHEN y.name NOT IN ('char', 'varchar', 'nchar', 'nvarchar', 'binary', 'varbinary') THEN y.name
      WHEN c.max_length = -1 THEN CONCAT(y.name, '(max)')
      WHEN y.name IN ('nchar', 'nvarchar') THEN CONCAT(y.name, '(', c.max_length / 2, ')')
      ELSE CONCAT(y.name, '(', c.max_length, ')') END`;

/** Tables and views that the user may see, a row a column: see `groupTables`. */
export function tablesStatement(filter: { schemas?: string[]; tables?: string[]; limit: number }): Statement {
  const values: ParameterValue[] = [];
  const among = (column: string, names: string[] | undefined): string => {
    if (!names) return '';
    if (names.length === 0) return ' AND 1 = 0';
    return ` AND ${column} IN (${names.map((name) => `@p${values.push(name)}`).join(', ')})`;
  };
  const where = `${among('s.name', filter.schemas)}${among('o.name', filter.tables)}`;
  const limit = Math.max(0, Math.trunc(filter.limit));
  return {
    sql: `SELECT t.s, t.n, t.k, t.r, c.name AS c, ${TYPE} AS y, c.is_nullable
      FROM (SELECT TOP (${limit}) o.object_id AS id, s.name COLLATE Latin1_General_100_BIN2 AS s,
          o.name COLLATE Latin1_General_100_BIN2 AS n, CASE o.type WHEN 'V' THEN 'VIEW' ELSE 'TABLE' END AS k,
          CASE o.type WHEN 'U' THEN (SELECT SUM(p.rows) FROM sys.partitions AS p
            WHERE p.object_id = o.object_id AND p.index_id IN (0, 1)) END AS r
        FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id
        WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0${where}
        ORDER BY s.name COLLATE Latin1_General_100_BIN2, o.name COLLATE Latin1_General_100_BIN2) AS t
      LEFT JOIN sys.columns AS c ON c.object_id = t.id
      LEFT JOIN sys.types AS y ON y.user_type_id = CASE c.system_type_id WHEN 240 THEN c.user_type_id ELSE c.system_type_id END
      ORDER BY t.s, t.n, c.column_id`,
    values,
  };
}
