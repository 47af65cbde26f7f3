-- page
SELECT "t"."id" AS "id" FROM "sales" AS "t" ORDER BY "t"."id" NULLS LAST LIMIT 101 OFFSET 0
-- []

-- operators
SELECT "t"."a" AS "a eq", "t"."b" AS "b ne", "t"."c" AS "c gt", "t"."d" AS "d gte", "t"."e" AS "e lt", "t"."f" AS "f lte", "t"."g" AS "g in", "t"."h" AS "h not_in", "t"."i" AS "i between", "t"."j" AS "j contains", "t"."k" AS "k starts_with", "t"."l" AS "l is_null", "t"."m" AS "m not_null" FROM "shop"."sales" AS "t" WHERE "t"."a" = ? AND "t"."b" <> ? AND "t"."c" > ? AND "t"."d" >= ? AND "t"."e" < ? AND "t"."f" <= ? AND "t"."g" IN (?, ?) AND "t"."h" NOT IN (?, ?) AND "t"."i" BETWEEN ? AND ? AND instr("t"."j", ?) > 0 AND instr("t"."k", ?) = 1 AND "t"."l" IS NULL AND "t"."m" IS NOT NULL ORDER BY "t"."a" NULLS LAST, "t"."b" NULLS LAST, "t"."c" NULLS LAST, "t"."d" NULLS LAST, "t"."e" NULLS LAST, "t"."f" NULLS LAST, "t"."g" NULLS LAST, "t"."h" NULLS LAST, "t"."i" NULLS LAST, "t"."j" NULLS LAST, "t"."k" NULLS LAST, "t"."l" NULLS LAST, "t"."m" NULLS LAST LIMIT 11 OFFSET 0
-- ["x","x","x","x","x","x","x","y","x","y","x","y","50%_","\\%"]

-- types
SELECT "t"."flag" AS "flag", "t"."small" AS "small", "t"."big" AS "big", "t"."amount" AS "amount", "t"."ratio" AS "ratio", "t"."day" AS "day", "t"."clock" AS "clock", "t"."at" AS "at" FROM "shop"."sales" AS "t" WHERE "t"."flag" = ? AND "t"."small" IN (?, ?) AND "t"."big" IN (CAST(? AS INTEGER), CAST(? AS INTEGER)) AND "t"."amount" IN (CAST(? AS NUMERIC), CAST(? AS NUMERIC), CAST(? AS NUMERIC)) AND "t"."ratio" > ? AND "t"."day" BETWEEN ? AND ? AND "t"."clock" < ? AND "t"."at" IN (?, ?) ORDER BY "t"."flag" NULLS LAST, "t"."small" NULLS LAST, "t"."big" NULLS LAST, "t"."amount" NULLS LAST, "t"."ratio" NULLS LAST, "t"."day" NULLS LAST, "t"."clock" NULLS LAST, "t"."at" NULLS LAST LIMIT 11 OFFSET 0
-- [true,1,2,1,"900719925474099312","10000000000000000000000","0.100000000000","12345678901234567890.12",0.5,"2024-01-01","2024-12-31","12:30:00","2024-02-29","2024-02-29T23:30:00.25-01:00"]

-- aggregations
SELECT "g"."c0" AS "region", "g"."c1" AS "total", "g"."c2" AS "price", "g"."c3" AS "first", "g"."c4" AS "last", "g"."c5" AS "id" FROM (SELECT "t"."region" AS "c0", SUM("t"."units") AS "c1", AVG(CAST("t"."price" AS REAL)) AS "c2", MIN("t"."day") AS "c3", MAX("t"."day") AS "c4", COUNT("t"."id") AS "c5", COUNT(DISTINCT "t"."buyer") AS "c6" FROM "shop"."sales" AS "t" WHERE "t"."country" = ? GROUP BY "t"."region") AS "g" WHERE "g"."c1" > CAST(? AS NUMERIC) AND "g"."c2" < ? AND "g"."c6" >= CAST(? AS INTEGER) ORDER BY "g"."c2" DESC NULLS LAST, "g"."c0" NULLS LAST, "g"."c1" NULLS LAST, "g"."c3" NULLS LAST, "g"."c4" NULLS LAST, "g"."c5" NULLS LAST LIMIT 11 OFFSET 20
-- ["NO","1.50",99.5,5]

-- order
SELECT "t"."doc" AS "doc", "t"."a" AS "a", "t"."b" AS "b", "t"."b" AS "again" FROM "shop"."sales" AS "t" ORDER BY CAST("t"."doc" AS TEXT) NULLS LAST, "t"."b" DESC NULLS LAST, "t"."a" NULLS LAST LIMIT 2 OFFSET 2000000000
-- []

-- names
SELECT "t"."we""ird]x.y" AS "we""ird]x.y *", "t"."""; drop table x; --" AS """; drop table x; -- *", "t"."o'clock" AS "o'clock *", "t"."новый" AS "новый *", "t"."😀" AS "😀 *", "t"."select" AS "select *", "t"."a
b" AS "a
b *", "t"."?" AS "? *", "t"."$1" AS "$1 *", "t".":p1" AS ":p1 *", "t"."@p1" AS "@p1 *", "t"."ba`ck" AS "ba`ck *", "t"."back\" AS "back\ *", "t"."${x}" AS "${x} *" FROM "we""ird]x.y"."""; drop table x; --" AS "t" WHERE "t"."we""ird]x.y" <> ? AND "t"."""; drop table x; --" <> ? AND "t"."o'clock" <> ? AND "t"."новый" <> ? AND "t"."😀" <> ? AND "t"."select" <> ? AND "t"."a
b" <> ? AND "t"."?" <> ? AND "t"."$1" <> ? AND "t".":p1" <> ? AND "t"."@p1" <> ? AND "t"."ba`ck" <> ? AND "t"."back\" <> ? AND "t"."${x}" <> ? ORDER BY "t"."we""ird]x.y" NULLS LAST, "t"."""; drop table x; --" NULLS LAST, "t"."o'clock" NULLS LAST, "t"."новый" NULLS LAST, "t"."😀" NULLS LAST, "t"."select" NULLS LAST, "t"."a
b" NULLS LAST, "t"."?" NULLS LAST, "t"."$1" NULLS LAST, "t".":p1" NULLS LAST, "t"."@p1" NULLS LAST, "t"."ba`ck" NULLS LAST, "t"."back\" NULLS LAST, "t"."${x}" NULLS LAST LIMIT 11 OFFSET 0
-- ["we\"ird]x.y","\"; drop table x; --","o'clock","новый","😀","select","a\nb","?","$1",":p1","@p1","ba`ck","back\\","${x}"]
