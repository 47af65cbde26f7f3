/**
 * Reference data: the rows every installation starts with. Ids are part of the API and are never renumbered or reused;
 * new rows get new ids at the end of their range. A country's id is its ISO 3166-1 numeric code.
 */
export type EngineType = 'EDW' | 'LLM' | 'RDBMS' | 'OBJ' | 'API_MODEL' | 'EXTERNAL_API';

export const credentialTypes = [
  'SERVICE_ACCOUNT',
  'USERNAME_PASSWORD',
  'API_KEY',
  'SERVICE_IDENTITY',
  'ACCESS_KEY',
  'NONE',
  'OAUTH',
  'JSON',
  'KEY_PAIR',
  'CLIENT_SECRET',
] as const;

export interface CloudProviderRow {
  id: number;
  name: string;
  parentCompany: string | null;
  marketingHomepageUrl: string;
}

export interface StorageEngineRow {
  id: number;
  providerId: number;
  serviceName: string;
  engineType: EngineType;
  /** The driver that runs its statements; null where we have none yet. */
  driver: string | null;
  /** Why a connection cannot be made; null where it can. */
  unavailableReason: string | null;
  credentialTypes: string[];
}

/** Reads a table written as text: a row a line, cells parted by `|`, `-` for null. */
function rows(text: string): (string | null)[][] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => (cell.trim() === '-' ? null : cell.trim())));
}

// id | name | parent company | home page
export const cloudProviders: CloudProviderRow[] = rows(`
 1 | Google Cloud                         | Alphabet Inc.               | https://cloud.google.com
 2 | Amazon Web Services                  | Amazon.com, Inc.            | https://aws.amazon.com
 3 | Microsoft Azure                      | Microsoft Corporation       | https://azure.microsoft.com
 4 | Snowflake                            | -                           | https://www.snowflake.com
 5 | Databricks                           | -                           | https://www.databricks.com
 6 | Supabase                             | -                           | https://supabase.com
 7 | Teradata                             | -                           | https://www.teradata.com
 8 | ClickHouse                           | -                           | https://clickhouse.com
 9 | Oracle                               | -                           | https://www.oracle.com/cloud
10 | OpenAI                               | -                           | https://openai.com
11 | Anthropic                            | -                           | https://www.anthropic.com
12 | Self-hosted                          | -                           | https://www.spartera.com
13 | Embedded (DuckDB/SQLite files)       | -                           | https://duckdb.org
14 | Seller's own API                     | -                           | https://www.spartera.com
15 | IBM Cloud                            | IBM                         | https://www.ibm.com/cloud
16 | Neon                                 | Databricks                  | https://neon.com
17 | DigitalOcean                         | -                           | https://www.digitalocean.com
18 | Heroku                               | Salesforce, Inc.            | https://www.heroku.com
19 | Aiven                                | -                           | https://aiven.io
20 | PlanetScale                          | -                           | https://planetscale.com
21 | MongoDB Atlas                        | MongoDB, Inc.               | https://www.mongodb.com/atlas
22 | MotherDuck                           | -                           | https://motherduck.com
23 | Cloudflare                           | -                           | https://www.cloudflare.com
24 | Cockroach Labs                       | -                           | https://www.cockroachlabs.com
25 | SAP                                  | -                           | https://www.sap.com
26 | Mistral AI                           | -                           | https://mistral.ai
27 | Cohere                               | -                           | https://cohere.com
28 | Hugging Face                         | -                           | https://huggingface.co
29 | Tiger Data                           | -                           | https://www.tigerdata.com
30 | Starburst                            | -                           | https://www.starburst.io
31 | SingleStore                          | -                           | https://www.singlestore.com
`).map(([id, name, parentCompany, marketingHomepageUrl]) => ({
  id: Number(id),
  name: name ?? '',
  parentCompany: parentCompany ?? null,
  marketingHomepageUrl: marketingHomepageUrl ?? '',
}));

// id | provider | service | type | driver | credentials | reason why it cannot be connected
export const storageEngines: StorageEngineRow[] = rows(`
 1 | 1 | Google BigQuery | EDW | bigquery | SERVICE_ACCOUNT | -
 2 | 1 | Google Cloud SQL for PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
 3 | 1 | Google Cloud SQL for MySQL | RDBMS | mysql | USERNAME_PASSWORD | -
 4 | 1 | Google AlloyDB for PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
 5 | 1 | Google Cloud SQL for SQL Server | RDBMS | sqlserver | USERNAME_PASSWORD | -
 6 | 1 | Google Cloud Spanner | RDBMS | - | SERVICE_ACCOUNT SERVICE_IDENTITY | Spanner is reached over Google's own gRPC API, and that adapter is not built yet.
 7 | 1 | Google Cloud Storage | OBJ | - | SERVICE_ACCOUNT ACCESS_KEY SERVICE_IDENTITY | Files in object storage cannot be queried yet; load them into a database first.
 8 | 1 | Google Vertex AI (Gemini) | LLM | - | SERVICE_ACCOUNT API_KEY SERVICE_IDENTITY | It is not reached as OpenAI's API is, and no adapter for it is built yet; what offers such an address can be connected as an OpenAI-compatible API.
 9 | 1 | Google Vertex AI Endpoints | API_MODEL | - | SERVICE_ACCOUNT SERVICE_IDENTITY | Hosted prediction models cannot be called yet.
10 | 2 | Amazon Redshift | EDW | postgres | USERNAME_PASSWORD | -
11 | 2 | Amazon Redshift Serverless | EDW | postgres | USERNAME_PASSWORD | -
12 | 2 | Amazon Aurora Provisioned (PostgreSQL) | RDBMS | postgres | USERNAME_PASSWORD | -
13 | 2 | Amazon Aurora Provisioned (MySQL) | RDBMS | mysql | USERNAME_PASSWORD | -
14 | 2 | Amazon Aurora Serverless (PostgreSQL) | RDBMS | postgres | USERNAME_PASSWORD | -
15 | 2 | Amazon Aurora Serverless (MySQL) | RDBMS | mysql | USERNAME_PASSWORD | -
16 | 2 | Amazon RDS for PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
17 | 2 | Amazon RDS for MySQL | RDBMS | mysql | USERNAME_PASSWORD | -
18 | 2 | Amazon RDS for MariaDB | RDBMS | mysql | USERNAME_PASSWORD | -
19 | 2 | Amazon RDS for SQL Server | RDBMS | sqlserver | USERNAME_PASSWORD | -
20 | 2 | Amazon RDS for Oracle | RDBMS | - | USERNAME_PASSWORD | Oracle Database speaks its own protocol, for which no driver is built in yet.
21 | 2 | Amazon Athena | EDW | athena | ACCESS_KEY | -
22 | 2 | Amazon S3 | OBJ | - | ACCESS_KEY SERVICE_IDENTITY | Files in object storage cannot be queried yet; load them into a database first.
23 | 2 | Amazon Bedrock | LLM | - | ACCESS_KEY API_KEY SERVICE_IDENTITY | It is not reached as OpenAI's API is, and no adapter for it is built yet; what offers such an address can be connected as an OpenAI-compatible API.
24 | 2 | Amazon SageMaker Endpoints | API_MODEL | - | ACCESS_KEY SERVICE_IDENTITY | Hosted prediction models cannot be called yet.
25 | 3 | Azure SQL Database | RDBMS | sqlserver | USERNAME_PASSWORD | -
26 | 3 | Microsoft SQL Server | RDBMS | sqlserver | USERNAME_PASSWORD | -
27 | 3 | Azure Synapse Analytics | EDW | - | USERNAME_PASSWORD CLIENT_SECRET | Synapse takes a part of T-SQL alone, and its safeguards are not yet verified with this gateway.
28 | 3 | Microsoft Fabric Warehouse | EDW | - | CLIENT_SECRET OAUTH | Fabric wants Entra sign-in, which the SQL Server connections of this gateway do not offer yet.
29 | 3 | Azure Database for PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
30 | 3 | Azure Database for MySQL | RDBMS | mysql | USERNAME_PASSWORD | -
31 | 3 | Azure Blob Storage | OBJ | - | ACCESS_KEY CLIENT_SECRET SERVICE_IDENTITY | Files in object storage cannot be queried yet; load them into a database first.
32 | 3 | Azure OpenAI Service | LLM | - | API_KEY CLIENT_SECRET SERVICE_IDENTITY | It is not reached as OpenAI's API is, and no adapter for it is built yet; what offers such an address can be connected as an OpenAI-compatible API.
33 | 3 | Azure Machine Learning Endpoints | API_MODEL | - | API_KEY CLIENT_SECRET | Hosted prediction models cannot be called yet.
34 | 4 | Snowflake | EDW | snowflake | KEY_PAIR OAUTH API_KEY | -
35 | 4 | Snowflake Cortex | LLM | - | KEY_PAIR OAUTH | It is not reached as OpenAI's API is, and no adapter for it is built yet; what offers such an address can be connected as an OpenAI-compatible API.
36 | 5 | Databricks SQL Warehouse | EDW | databricks | API_KEY OAUTH | -
37 | 5 | Databricks Lakebase | RDBMS | - | OAUTH CLIENT_SECRET | Lakebase wants short-lived OAuth tokens as passwords, which the PostgreSQL driver cannot renew yet.
38 | 5 | Databricks Model Serving | API_MODEL | - | API_KEY CLIENT_SECRET | Hosted prediction models cannot be called yet.
39 | 6 | Supabase PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
40 | 6 | Supabase Analytics | EDW | - | ACCESS_KEY API_KEY | Supabase Analytics keeps Iceberg tables behind a REST catalog, and no Iceberg reader is built in yet.
41 | 7 | Teradata Vantage | EDW | - | USERNAME_PASSWORD | Teradata's own driver needs a native library that this gateway does not ship.
42 | 8 | ClickHouse Cloud | EDW | clickhouse | USERNAME_PASSWORD | -
43 | 9 | Oracle Autonomous Database | RDBMS | - | USERNAME_PASSWORD KEY_PAIR | Oracle Database speaks its own protocol, for which no driver is built in yet.
44 | 9 | MySQL HeatWave | RDBMS | mysql | USERNAME_PASSWORD | -
45 | 9 | Oracle Object Storage | OBJ | - | ACCESS_KEY KEY_PAIR | Files in object storage cannot be queried yet; load them into a database first.
46 | 10 | OpenAI API | LLM | llm | API_KEY | -
47 | 11 | Anthropic API | LLM | - | API_KEY | It is not reached as OpenAI's API is, and no adapter for it is built yet; what offers such an address can be connected as an OpenAI-compatible API.
48 | 12 | PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
49 | 12 | MySQL | RDBMS | mysql | USERNAME_PASSWORD | -
50 | 12 | MariaDB | RDBMS | mysql | USERNAME_PASSWORD | -
51 | 12 | ClickHouse Server | EDW | clickhouse | USERNAME_PASSWORD | -
52 | 12 | Oracle Database | RDBMS | - | USERNAME_PASSWORD | Oracle Database speaks its own protocol, for which no driver is built in yet.
53 | 12 | Trino | EDW | trino | USERNAME_PASSWORD OAUTH NONE | -
54 | 12 | MinIO | OBJ | - | ACCESS_KEY | Files in object storage cannot be queried yet; load them into a database first.
55 | 12 | Ollama | LLM | llm | NONE API_KEY | -
56 | 12 | TimescaleDB | RDBMS | postgres | USERNAME_PASSWORD | -
57 | 13 | DuckDB | EDW | duckdb | NONE | -
58 | 13 | SQLite | RDBMS | sqlite | NONE | -
59 | 14 | External HTTPS API | EXTERNAL_API | external-api | API_KEY | -
60 | 15 | IBM Db2 | RDBMS | - | USERNAME_PASSWORD API_KEY | Db2 speaks the DRDA protocol, for which no driver is built in yet.
61 | 15 | IBM Db2 Warehouse | EDW | - | USERNAME_PASSWORD API_KEY | Db2 speaks the DRDA protocol, for which no driver is built in yet.
62 | 15 | IBM Cloud Databases for PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
63 | 16 | Neon PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
64 | 17 | DigitalOcean Managed PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
65 | 17 | DigitalOcean Managed MySQL | RDBMS | mysql | USERNAME_PASSWORD | -
66 | 18 | Heroku Postgres | RDBMS | postgres | USERNAME_PASSWORD | -
67 | 19 | Aiven for PostgreSQL | RDBMS | postgres | USERNAME_PASSWORD | -
68 | 19 | Aiven for MySQL | RDBMS | mysql | USERNAME_PASSWORD | -
69 | 20 | PlanetScale for Postgres | RDBMS | postgres | USERNAME_PASSWORD | -
70 | 20 | PlanetScale Vitess | RDBMS | - | USERNAME_PASSWORD | Vitess speaks the MySQL protocol, but its read-only transactions are not yet verified with this gateway.
71 | 21 | MongoDB Atlas | EDW | - | USERNAME_PASSWORD | MongoDB answers aggregation pipelines and not SQL, and no adapter is built yet.
72 | 22 | MotherDuck | EDW | - | API_KEY | MotherDuck needs a DuckDB extension that is downloaded at run time, which the gateway forbids.
73 | 23 | Cloudflare D1 | RDBMS | - | API_KEY | D1 is reached over Cloudflare's HTTP API, and that adapter is not built yet.
74 | 23 | Cloudflare R2 | OBJ | - | ACCESS_KEY | Files in object storage cannot be queried yet; load them into a database first.
75 | 24 | CockroachDB | RDBMS | - | USERNAME_PASSWORD | CockroachDB speaks the PostgreSQL protocol, but its safeguards are not yet verified with this gateway.
76 | 25 | SAP HANA Cloud | EDW | - | USERNAME_PASSWORD | SAP HANA speaks its own protocol, for which no driver is built in yet.
77 | 26 | Mistral API | LLM | llm | API_KEY | -
78 | 27 | Cohere API | LLM | - | API_KEY | It is not reached as OpenAI's API is, and no adapter for it is built yet; what offers such an address can be connected as an OpenAI-compatible API.
79 | 28 | Hugging Face Inference Endpoints | API_MODEL | - | API_KEY | Hosted prediction models cannot be called yet.
80 | 29 | Tiger Cloud | RDBMS | postgres | USERNAME_PASSWORD | -
81 | 30 | Starburst Galaxy | EDW | trino | USERNAME_PASSWORD OAUTH | -
82 | 31 | SingleStore Helios | EDW | - | USERNAME_PASSWORD | SingleStore speaks the MySQL protocol, but its safeguards are not yet verified with this gateway.
83 | 14 | Model behind an HTTPS API | API_MODEL | external-api | API_KEY | -
84 | 13 | Parquet and CSV files | OBJ | duckdb-files | NONE | -
85 | 14 | OpenAI-compatible API | LLM | llm | API_KEY NONE | -
`).map(([id, providerId, serviceName, engineType, driver, credentials, unavailableReason]) => ({
  id: Number(id),
  providerId: Number(providerId),
  serviceName: serviceName ?? '',
  engineType: engineType as EngineType,
  driver: driver ?? null,
  unavailableReason: unavailableReason ?? null,
  credentialTypes: (credentials ?? '').split(' '),
}));

export interface IndustryRow {
  id: number;
  name: string;
  shortName: string;
  slug: string;
  /** Two digits; the first of the range where the sector spans several (31-33 is 31). */
  naicsCode: number;
  description: string;
}

// id | NAICS | slug | short name | name | description
export const industries: IndustryRow[] = rows(`
 1 | 11 | agriculture      | Agriculture        | Agriculture, Forestry, Fishing and Hunting | Growing crops, raising animals, harvesting timber, and taking fish and game.
 2 | 21 | mining           | Mining             | Mining, Quarrying, and Oil and Gas Extraction | Extracting minerals, ores, crude petroleum and natural gas.
 3 | 22 | utilities        | Utilities          | Utilities | Electric power, natural gas, steam, water supply and sewage removal.
 4 | 23 | construction     | Construction       | Construction | Building, renovating and engineering of structures, roads and utility systems.
 5 | 31 | manufacturing    | Manufacturing      | Manufacturing | Turning materials, substances or components into new products (31-33).
 6 | 42 | wholesale-trade  | Wholesale          | Wholesale Trade | Selling goods in quantity to retailers, businesses and institutions.
 7 | 44 | retail-trade     | Retail             | Retail Trade | Selling goods in small quantities to the public, in stores and online (44-45).
 8 | 48 | transportation   | Transportation     | Transportation and Warehousing | Moving passengers and cargo, storing goods, and supporting services (48-49).
 9 | 51 | information      | Information        | Information | Publishing, broadcasting, telecommunications, software and data services.
10 | 52 | finance          | Finance            | Finance and Insurance | Banking, credit, securities, insurance and related activities.
11 | 53 | real-estate      | Real Estate        | Real Estate and Rental and Leasing | Renting, leasing, selling and managing real and other property.
12 | 54 | professional     | Professional       | Professional, Scientific, and Technical Services | Legal, accounting, engineering, design, research and consulting services.
13 | 55 | management       | Management         | Management of Companies and Enterprises | Holding companies and the head offices that steer their subsidiaries.
14 | 56 | administrative   | Administrative     | Administrative and Support and Waste Management and Remediation Services | Office support, staffing, security, cleaning, and waste treatment.
15 | 61 | education        | Education          | Educational Services | Instruction and training by schools, colleges, universities and training centres.
16 | 62 | health-care      | Health Care        | Health Care and Social Assistance | Hospitals, ambulatory care, nursing homes and social assistance.
17 | 71 | arts-recreation  | Arts & Recreation  | Arts, Entertainment, and Recreation | Performing arts, spectator sports, museums, gambling and recreation.
18 | 72 | accommodation    | Hospitality        | Accommodation and Food Services | Hotels, lodging, restaurants, bars and caterers.
19 | 81 | other-services   | Other Services     | Other Services (except Public Administration) | Repair, personal care, religious, civic and similar organisations.
20 | 92 | public-administration | Public Sector | Public Administration | Federal, state and local government bodies and their programmes.
`).map(([id, naicsCode, slug, shortName, name, description]) => ({
  id: Number(id),
  name: name ?? '',
  shortName: shortName ?? '',
  slug: slug ?? '',
  naicsCode: Number(naicsCode),
  description: description ?? '',
}));

export const jobFunctions: { id: number; name: string }[] = rows(`
 1 | Analytics and Business Intelligence
 2 | Data Engineering
 3 | Data Science and Machine Learning
 4 | Software Engineering
 5 | Product Management
 6 | Marketing
 7 | Sales
 8 | Customer Success and Support
 9 | Finance and Accounting
10 | Risk and Compliance
11 | Operations
12 | Supply Chain and Logistics
13 | Procurement
14 | Merchandising and Pricing
15 | Strategy and Corporate Development
16 | Research
17 | Trading and Investment
18 | Editorial and Content
19 | Human Resources
20 | Legal
21 | Information Technology and Security
22 | General Management
`).map(([id, name]) => ({ id: Number(id), name: name ?? '' }));

// id | slug | name | description
export const assetUseCases: { id: number; name: string; slug: string; description: string }[] = rows(`
 1 | competitive-benchmarking | Competitive Benchmarking | Compare a company, team or location with its peers on the same measure.
 2 | demand-forecasting       | Demand Forecasting       | Estimate coming demand from history, seasonality and outside drivers.
 3 | price-optimization       | Price Optimization       | Find price points and discounts that raise revenue or margin.
 4 | market-sizing            | Market Sizing            | Measure how large a market, segment or region is.
 5 | customer-segmentation    | Customer Segmentation    | Group customers by behaviour, value or needs.
 6 | churn-and-retention      | Churn and Retention      | Measure who stays and who leaves, and see it coming.
 7 | risk-assessment          | Risk Assessment          | Quantify exposure to losses, defaults or other harm.
 8 | anomaly-detection        | Anomaly Detection        | Spot values that break a pattern: errors, fraud, incidents.
 9 | performance-tracking     | Performance Tracking     | Follow key figures over time and against a target.
10 | trend-analysis           | Trend Analysis           | Separate lasting change from noise and seasonality.
11 | inventory-optimization   | Inventory Optimization   | Hold the right stock in the right place at the right time.
12 | location-intelligence    | Location Intelligence    | Judge sites, catchments and regions.
13 | odds-and-betting-markets | Odds and Betting Markets | Analyse bookmaker prices, margins and line movements.
14 | ratings-and-rankings     | Ratings and Rankings     | Order teams, products or places by a computed strength.
15 | weather-impact           | Weather Impact           | Relate weather to sales, events, staffing or traffic.
16 | climate-risk             | Climate Risk             | Assess extremes, return periods and long-term shifts of climate.
17 | returns-and-loss         | Returns and Loss         | Understand and reduce product returns, shrinkage and waste.
18 | promotion-effectiveness  | Promotion Effectiveness  | Measure what a campaign or discount really added.
19 | basket-analysis          | Basket Analysis          | See what is bought together and how baskets are made up.
20 | energy-demand            | Energy Demand            | Plan heating, cooling and generation from degree days and load.
21 | operations-planning      | Operations Planning      | Plan staff, opening hours, routes and capacity.
22 | profitability-analysis   | Profitability Analysis   | Break margin down by product, customer, channel or place.
`).map(([id, slug, name, description]) => ({
  id: Number(id),
  name: name ?? '',
  slug: slug ?? '',
  description: description ?? '',
}));

// ISO 3166-1: numeric code, alpha-2 code, English short name.
export const countries: { id: number; code: string; name: string }[] = `
4 AF Afghanistan | 248 AX Åland Islands | 8 AL Albania | 12 DZ Algeria | 16 AS American Samoa | 20 AD Andorra
24 AO Angola | 660 AI Anguilla | 10 AQ Antarctica | 28 AG Antigua and Barbuda | 32 AR Argentina | 51 AM Armenia
533 AW Aruba | 36 AU Australia | 40 AT Austria | 31 AZ Azerbaijan | 44 BS Bahamas | 48 BH Bahrain
50 BD Bangladesh | 52 BB Barbados | 112 BY Belarus | 56 BE Belgium | 84 BZ Belize | 204 BJ Benin | 60 BM Bermuda
64 BT Bhutan | 68 BO Bolivia | 70 BA Bosnia and Herzegovina | 72 BW Botswana | 74 BV Bouvet Island
76 BR Brazil | 86 IO British Indian Ocean Territory | 92 VG British Virgin Islands | 96 BN Brunei
100 BG Bulgaria | 854 BF Burkina Faso | 108 BI Burundi | 116 KH Cambodia | 120 CM Cameroon | 124 CA Canada
132 CV Cape Verde | 535 BQ Caribbean Netherlands | 136 KY Cayman Islands | 140 CF Central African Republic
148 TD Chad | 152 CL Chile | 156 CN China | 162 CX Christmas Island | 166 CC Cocos (Keeling) Islands
170 CO Colombia | 174 KM Comoros | 178 CG Congo | 180 CD Congo (Democratic Republic) | 184 CK Cook Islands
188 CR Costa Rica | 384 CI Côte d'Ivoire | 191 HR Croatia | 192 CU Cuba | 531 CW Curaçao | 196 CY Cyprus
203 CZ Czechia | 208 DK Denmark | 262 DJ Djibouti | 212 DM Dominica | 214 DO Dominican Republic | 218 EC Ecuador
818 EG Egypt | 222 SV El Salvador | 226 GQ Equatorial Guinea | 232 ER Eritrea | 233 EE Estonia | 748 SZ Eswatini
231 ET Ethiopia | 238 FK Falkland Islands | 234 FO Faroe Islands | 242 FJ Fiji | 246 FI Finland | 250 FR France
254 GF French Guiana | 258 PF French Polynesia | 260 TF French Southern Territories | 266 GA Gabon
270 GM Gambia | 268 GE Georgia | 276 DE Germany | 288 GH Ghana | 292 GI Gibraltar | 300 GR Greece
304 GL Greenland | 308 GD Grenada | 312 GP Guadeloupe | 316 GU Guam | 320 GT Guatemala | 831 GG Guernsey
324 GN Guinea | 624 GW Guinea-Bissau | 328 GY Guyana | 332 HT Haiti | 334 HM Heard and McDonald Islands
340 HN Honduras | 344 HK Hong Kong | 348 HU Hungary | 352 IS Iceland | 356 IN India | 360 ID Indonesia
364 IR Iran | 368 IQ Iraq | 372 IE Ireland | 833 IM Isle of Man | 376 IL Israel | 380 IT Italy | 388 JM Jamaica
392 JP Japan | 832 JE Jersey | 400 JO Jordan | 398 KZ Kazakhstan | 404 KE Kenya | 296 KI Kiribati
414 KW Kuwait | 417 KG Kyrgyzstan | 418 LA Laos | 428 LV Latvia | 422 LB Lebanon | 426 LS Lesotho
430 LR Liberia | 434 LY Libya | 438 LI Liechtenstein | 440 LT Lithuania | 442 LU Luxembourg | 446 MO Macao
450 MG Madagascar | 454 MW Malawi | 458 MY Malaysia | 462 MV Maldives | 466 ML Mali | 470 MT Malta
584 MH Marshall Islands | 474 MQ Martinique | 478 MR Mauritania | 480 MU Mauritius | 175 YT Mayotte
484 MX Mexico | 583 FM Micronesia | 498 MD Moldova | 492 MC Monaco | 496 MN Mongolia | 499 ME Montenegro
500 MS Montserrat | 504 MA Morocco | 508 MZ Mozambique | 104 MM Myanmar | 516 NA Namibia | 520 NR Nauru
524 NP Nepal | 528 NL Netherlands | 540 NC New Caledonia | 554 NZ New Zealand | 558 NI Nicaragua | 562 NE Niger
566 NG Nigeria | 570 NU Niue | 574 NF Norfolk Island | 408 KP North Korea | 807 MK North Macedonia
580 MP Northern Mariana Islands | 578 NO Norway | 512 OM Oman | 586 PK Pakistan | 585 PW Palau
275 PS Palestine | 591 PA Panama | 598 PG Papua New Guinea | 600 PY Paraguay | 604 PE Peru | 608 PH Philippines
612 PN Pitcairn Islands | 616 PL Poland | 620 PT Portugal | 630 PR Puerto Rico | 634 QA Qatar | 638 RE Réunion
642 RO Romania | 643 RU Russia | 646 RW Rwanda | 652 BL Saint Barthélemy | 654 SH Saint Helena
659 KN Saint Kitts and Nevis | 662 LC Saint Lucia | 663 MF Saint Martin | 666 PM Saint Pierre and Miquelon
670 VC Saint Vincent and Grenadines | 882 WS Samoa | 674 SM San Marino | 678 ST São Tomé and Príncipe
682 SA Saudi Arabia | 686 SN Senegal | 688 RS Serbia | 690 SC Seychelles | 694 SL Sierra Leone
702 SG Singapore | 534 SX Sint Maarten | 703 SK Slovakia | 705 SI Slovenia | 90 SB Solomon Islands
706 SO Somalia | 710 ZA South Africa | 239 GS South Georgia and South Sandwich Islands | 410 KR South Korea
728 SS South Sudan | 724 ES Spain | 144 LK Sri Lanka | 729 SD Sudan | 740 SR Suriname
744 SJ Svalbard and Jan Mayen | 752 SE Sweden | 756 CH Switzerland | 760 SY Syria | 158 TW Taiwan
762 TJ Tajikistan | 834 TZ Tanzania | 764 TH Thailand | 626 TL Timor-Leste | 768 TG Togo | 772 TK Tokelau
776 TO Tonga | 780 TT Trinidad and Tobago | 788 TN Tunisia | 792 TR Türkiye | 795 TM Turkmenistan
796 TC Turks and Caicos Islands | 798 TV Tuvalu | 581 UM U.S. Outlying Islands | 850 VI U.S. Virgin Islands
800 UG Uganda | 804 UA Ukraine | 784 AE United Arab Emirates | 826 GB United Kingdom | 840 US United States
858 UY Uruguay | 860 UZ Uzbekistan | 548 VU Vanuatu | 336 VA Vatican City | 862 VE Venezuela | 704 VN Vietnam
876 WF Wallis and Futuna | 732 EH Western Sahara | 887 YE Yemen | 894 ZM Zambia | 716 ZW Zimbabwe
`
  .trim()
  .split(/ \| |\n/)
  .map((entry) => /^(\d+) ([A-Z]{2}) (.+)$/.exec(entry.trim()) ?? [])
  .map(([, id, code, name]) => ({ id: Number(id), code: code ?? '', name: name ?? '' }));

/** A lower id of the company roles can do more; 9 is the platform's own staff. */
export const roles: { id: number; name: string }[] = [
  { id: 1, name: 'OWNER' },
  { id: 2, name: 'ADMIN' },
  { id: 3, name: 'EDITOR' },
  { id: 4, name: 'ANALYST' },
  { id: 5, name: 'VIEWER' },
  { id: 9, name: 'OPERATOR' },
];

export const plans: { id: number; code: string; name: string; monthlyRequests: number }[] = [
  { id: 1, code: 'FREE', name: 'Free', monthlyRequests: 10_000 },
  { id: 2, code: 'GROWTH', name: 'Growth', monthlyRequests: 250_000 },
  { id: 3, code: 'SCALE', name: 'Scale', monthlyRequests: 5_000_000 },
];
