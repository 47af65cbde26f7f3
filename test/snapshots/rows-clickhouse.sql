-- page
SELECT `t`.`id` AS `id` FROM `sales` AS `t` ORDER BY `t`.`id` NULLS LAST LIMIT 101 OFFSET 0
-- []

-- operators
SELECT `t`.`a` AS `a eq`, `t`.`b` AS `b ne`, `t`.`c` AS `c gt`, `t`.`d` AS `d gte`, `t`.`e` AS `e lt`, `t`.`f` AS `f lte`, `t`.`g` AS `g in`, `t`.`h` AS `h not_in`, `t`.`i` AS `i between`, `t`.`j` AS `j contains`, `t`.`k` AS `k starts_with`, `t`.`l` AS `l is_null`, `t`.`m` AS `m not_null` FROM `shop`.`sales` AS `t` WHERE `t`.`a` = {p1:String} AND `t`.`b` <> {p2:String} AND `t`.`c` > {p3:String} AND `t`.`d` >= {p4:String} AND `t`.`e` < {p5:String} AND `t`.`f` <= {p6:String} AND `t`.`g` IN ({p7:String}, {p8:String}) AND `t`.`h` NOT IN ({p9:String}, {p10:String}) AND `t`.`i` BETWEEN {p11:String} AND {p12:String} AND position(`t`.`j`, {p13:String}) > 0 AND position(`t`.`k`, {p14:String}) = 1 AND `t`.`l` IS NULL AND `t`.`m` IS NOT NULL ORDER BY `t`.`a` NULLS LAST, `t`.`b` NULLS LAST, `t`.`c` NULLS LAST, `t`.`d` NULLS LAST, `t`.`e` NULLS LAST, `t`.`f` NULLS LAST, `t`.`g` NULLS LAST, `t`.`h` NULLS LAST, `t`.`i` NULLS LAST, `t`.`j` NULLS LAST, `t`.`k` NULLS LAST, `t`.`l` NULLS LAST, `t`.`m` NULLS LAST LIMIT 11 OFFSET 0
-- ["x","x","x","x","x","x","x","y","x","y","x","y","50%_","\\%"]

-- types
SELECT `t`.`flag` AS `flag`, `t`.`small` AS `small`, `t`.`big` AS `big`, `t`.`amount` AS `amount`, `t`.`ratio` AS `ratio`, `t`.`day` AS `day`, `t`.`clock` AS `clock`, `t`.`at` AS `at` FROM `shop`.`sales` AS `t` WHERE `t`.`flag` = {p1:Bool} AND `t`.`small` IN ({p2:Int64}, {p3:Int64}) AND CAST(`t`.`big` AS Nullable(Int64)) IN (CAST({p4:Int64} AS Int64), CAST({p5:String} AS Int64)) AND CAST(`t`.`amount` AS Nullable(Decimal(38, 12))) IN (CAST({p6:String} AS Decimal(38, 12)), CAST({p7:String} AS Decimal(38, 12)), CAST({p8:String} AS Decimal(38, 12))) AND `t`.`ratio` > {p9:Float64} AND `t`.`day` BETWEEN CAST({p10:String} AS Date32) AND CAST({p11:String} AS Date32) AND `t`.`clock` < {p12:String} AND CAST(`t`.`at` AS Nullable(DateTime64(6, 'UTC'))) IN (CAST({p13:String} AS DateTime64(6, 'UTC')), CAST({p14:String} AS DateTime64(6, 'UTC'))) ORDER BY `t`.`flag` NULLS LAST, `t`.`small` NULLS LAST, `t`.`big` NULLS LAST, `t`.`amount` NULLS LAST, `t`.`ratio` NULLS LAST, `t`.`day` NULLS LAST, `t`.`clock` NULLS LAST, `t`.`at` NULLS LAST LIMIT 11 OFFSET 0
-- [true,1,2,1,"900719925474099312","10000000000000000000000","0.100000000000","12345678901234567890.12",0.5,"2024-01-01","2024-12-31","12:30:00","2024-02-29 00:00:00","2024-03-01 00:30:00.25"]

-- aggregations
SELECT `g`.`c0` AS `region`, `g`.`c1` AS `total`, `g`.`c2` AS `price`, `g`.`c3` AS `first`, `g`.`c4` AS `last`, `g`.`c5` AS `id` FROM (SELECT `t`.`region` AS `c0`, sumOrNull(`t`.`units`) AS `c1`, avgOrNull(toFloat64(`t`.`price`)) AS `c2`, minOrNull(`t`.`day`) AS `c3`, maxOrNull(`t`.`day`) AS `c4`, COUNT(`t`.`id`) AS `c5`, COUNT(DISTINCT `t`.`buyer`) AS `c6` FROM `shop`.`sales` AS `t` WHERE `t`.`country` = {p1:String} GROUP BY `t`.`region`) AS `g` WHERE `g`.`c1` > CAST({p2:String} AS Decimal(38, 12)) AND `g`.`c2` < {p3:Float64} AND `g`.`c6` >= CAST({p4:Int64} AS Int64) ORDER BY `g`.`c2` DESC NULLS LAST, `g`.`c0` NULLS LAST, `g`.`c1` NULLS LAST, `g`.`c3` NULLS LAST, `g`.`c4` NULLS LAST, `g`.`c5` NULLS LAST LIMIT 11 OFFSET 20
-- ["NO","1.50",99.5,5]

-- order
SELECT `t`.`doc` AS `doc`, `t`.`a` AS `a`, `t`.`b` AS `b`, `t`.`b` AS `again` FROM `shop`.`sales` AS `t` ORDER BY toString(`t`.`doc`) NULLS LAST, `t`.`b` DESC NULLS LAST, `t`.`a` NULLS LAST LIMIT 2 OFFSET 2000000000
-- []

-- names
SELECT `t`.`we"ird]x.y` AS `we"ird]x.y *`, `t`.`"; drop table x; --` AS `"; drop table x; -- *`, `t`.`o'clock` AS `o'clock *`, `t`.`новый` AS `новый *`, `t`.`😀` AS `😀 *`, `t`.`select` AS `select *`, `t`.`a
b` AS `a
b *`, `t`.`?` AS `? *`, `t`.`$1` AS `$1 *`, `t`.`:p1` AS `:p1 *`, `t`.`@p1` AS `@p1 *`, `t`.`ba``ck` AS `ba``ck *`, `t`.`{p1:String}` AS `{p1:String} *` FROM `we"ird]x.y`.`"; drop table x; --` AS `t` WHERE `t`.`we"ird]x.y` <> {p1:String} AND `t`.`"; drop table x; --` <> {p2:String} AND `t`.`o'clock` <> {p3:String} AND `t`.`новый` <> {p4:String} AND `t`.`😀` <> {p5:String} AND `t`.`select` <> {p6:String} AND `t`.`a
b` <> {p7:String} AND `t`.`?` <> {p8:String} AND `t`.`$1` <> {p9:String} AND `t`.`:p1` <> {p10:String} AND `t`.`@p1` <> {p11:String} AND `t`.`ba``ck` <> {p12:String} AND `t`.`{p1:String}` <> {p13:String} ORDER BY `t`.`we"ird]x.y` NULLS LAST, `t`.`"; drop table x; --` NULLS LAST, `t`.`o'clock` NULLS LAST, `t`.`новый` NULLS LAST, `t`.`😀` NULLS LAST, `t`.`select` NULLS LAST, `t`.`a
b` NULLS LAST, `t`.`?` NULLS LAST, `t`.`$1` NULLS LAST, `t`.`:p1` NULLS LAST, `t`.`@p1` NULLS LAST, `t`.`ba``ck` NULLS LAST, `t`.`{p1:String}` NULLS LAST LIMIT 11 OFFSET 0
-- ["we\"ird]x.y","\"; drop table x; --","o'clock","новый","😀","select","a\nb","?","$1",":p1","@p1","ba`ck","{p1:String}"]
