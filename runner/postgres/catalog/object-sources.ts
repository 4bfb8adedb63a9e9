/** For each kind of object, which of them users made in a database, and all that a dump says of each, as SQL. */
import { firstUserOid } from "./catalog";

const isMember = (catalog: string, oid: string) =>
  `EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

/** Not made by the server or an extension. */
const isUsers = (catalog: string, oid: string) =>
  `${oid} >= ${firstUserOid} AND NOT ${isMember(catalog, oid)}`;

/** What the server makes by itself with another object differs between versions, such as the multirange type of a range. */
const isMadeAlong = (catalog: string, oid: string) =>
  `EXISTS (SELECT FROM pg_depend i WHERE i.classid = '${catalog}'::regclass AND i.objid = ${oid} AND i.deptype = 'i')`;

/** Temporary objects belong to a session. */
const isLasting = (schema: string) =>
  `${schema} NOT LIKE 'pg\\_temp\\_%' AND ${schema} NOT LIKE 'pg\\_toast%'`;

/**
 * Who may do what, whatever order it was granted in. What the owner has by default is there whether it was written down or not. Who
 * granted it is left out: older servers lose that in every dump.
 */
const rights = (acl: string, type: string, owner: string) => `
  (SELECT string_agg(format('%s %s %s', CASE WHEN grantee = ${owner} THEN 'owner' WHEN grantee = 0 THEN 'public' ELSE format('role %I', pg_get_userbyid(grantee)) END,
     privilege_type, is_grantable), ', ' ORDER BY grantee = ${owner}, grantee <> 0, pg_get_userbyid(grantee) COLLATE "C", privilege_type COLLATE "C", is_grantable)
   FROM aclexplode(coalesce(${acl}, acldefault('${type}', ${owner}))))`;

const ownerOf = (owner: string) => `pg_get_userbyid(${owner})`;

/** One text of several, in which an absent one is not the same as an empty one. */
const joined = (...parts: readonly string[]) => `jsonb_build_array(${parts.join(", ")})::text`;

const relation = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace`;
const relationName = `format('%I.%I', n.nspname, c.relname)`;
const isUsersRelation = `${isUsers("pg_class", "c.oid")} AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND ${isLasting("n.nspname")}`;

/** A composite type of an extension has a relation that is no member of it. */
const isUsersTable = `${isUsersRelation} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND NOT ${isMember("pg_type", "c.reltype")}`;

/** All that a user can set: https://www.postgresql.org/docs/current/sql-altertable.html. The server may keep others there. */
const ownOptions = `ARRAY(SELECT option FROM unnest(a.attoptions) option WHERE option LIKE 'n\\_distinct%' ORDER BY option)`;

/** Pieces of a large object are read one after the other, because one value has at most 1 GB. */
const pieceBytes = 1 << 20;
const contentOfLargeObject = `
  (WITH RECURSIVE piece (number, sum, bytes) AS (
     SELECT 0::int8, md5(p), length(p) FROM lo_get(l.oid, 0, ${pieceBytes}) p
     UNION ALL SELECT number + 1, md5(p), length(p) FROM piece, LATERAL lo_get(l.oid, (number + 1) * ${pieceBytes}, ${pieceBytes}) p WHERE bytes = ${pieceBytes}
   ) SELECT md5(string_agg(sum, '' ORDER BY number)) FROM piece)`;

export const sequenceValue = "value of a sequence";
export const largeObject = "content of a large object";

export interface Source {
  readonly kind: string;
  readonly name: string;
  readonly definition: string;
  readonly from: string;
  /** The schema that it goes with; unset if it is in none. */
  readonly schema?: string;
  /** Whether the server may write it with other casts each time. */
  readonly hasExpressions?: boolean;
}

/** A row's own columns, without oids, which differ in each database. */
const columnsOf = (row: string, ...without: readonly string[]) =>
  `to_jsonb(${row}) - ARRAY[${["oid", ...without].map((name) => `'${name}'`).join(", ")}]`;

export const sources: readonly Source[] = [
  {
    kind: "schema",
    schema: "nspname",
    name: "format('%I', nspname)",
    // Before version 15, the owner of public is the first superuser, and no dump says so.
    definition: joined(
      `CASE WHEN nspname <> 'public' OR nspowner <> 10 THEN ${ownerOf("nspowner")} END`,
      rights("nspacl", "n", "nspowner"),
    ),
    from: `pg_namespace s WHERE (${isUsers("pg_namespace", "s.oid")} OR nspname = 'public') AND ${isLasting("nspname")}`,
  },
  {
    kind: "extension",
    name: "format('%I', extname)",
    definition: joined("extnamespace::regnamespace::text"),
    from: "pg_extension",
  },
  {
    kind: "type",
    schema: "n.nspname",
    name: "format('%I.%I', n.nspname, t.typname)",
    definition: joined(
      ...["typtype::text", "typcategory::text", "typnotnull", "typdefault", ownerOf("typowner")],
      ...[
        rights("typacl", "T", "typowner"),
        "CASE WHEN typbasetype <> 0 THEN format_type(typbasetype, typtypmod) END",
      ],
      "CASE WHEN typcollation <> 0 THEN typcollation::regcollation::text END",
      "(SELECT string_agg(enumlabel, E'\\n' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)",
      "(SELECT format('%s %s %s', format_type(rngsubtype, NULL), rngsubdiff, rngcanonical) FROM pg_range WHERE rngtypid = t.oid)",
    ),
    from: `pg_type t JOIN pg_namespace n ON n.oid = typnamespace LEFT JOIN pg_class r ON r.oid = typrelid
      WHERE ${isUsers("pg_type", "t.oid")} AND ${isLasting("n.nspname")} AND (typrelid = 0 OR relkind = 'c')
        AND (typrelid <> 0 OR NOT ${isMadeAlong("pg_type", "t.oid")})
        AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)`,
    hasExpressions: true,
  },
  {
    kind: "function",
    schema: "n.nspname",
    name: "p.oid::regprocedure::text",
    definition: joined(
      ...["CASE WHEN prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE prorettype::regtype::text END"],
      `(SELECT string_agg(format('%s %s', key, value), ', ' ORDER BY key COLLATE "C") FROM pg_aggregate a, jsonb_each_text(to_jsonb(a) - ARRAY['aggfnoid', 'aggtranstype', 'aggmtranstype', 'aggsortop'])
        WHERE aggfnoid = p.oid)`,
      ...[ownerOf("proowner"), rights("proacl", "f", "proowner")],
    ),
    from: `pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE NOT ${isMadeAlong("pg_proc", "p.oid")} AND ${isUsers("pg_proc", "p.oid")} AND ${isLasting("n.nspname")}`,
  },
  {
    kind: "relation",
    schema: "n.nspname",
    name: relationName,
    definition: joined(
      ...[
        "c.relkind::text",
        "c.relpersistence::text",
        ownerOf("c.relowner"),
        "c.relreplident::text",
        "c.relispopulated",
      ],
      ...[
        "c.relrowsecurity",
        "c.relforcerowsecurity",
        "c.reloptions",
        "pg_get_expr(c.relpartbound, c.oid)",
        "pg_get_partkeydef(c.oid)",
      ],
      ...[
        "CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END",
        "CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END",
      ],
      rights("c.relacl", "r", "c.relowner"),
      "(SELECT amname FROM pg_am WHERE pg_am.oid = c.relam)",
      "(SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid)",
      "(SELECT format('%s %s', srvname, ftoptions) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = ftserver WHERE ftrelid = c.oid)",
      `(SELECT string_agg(format('%I', attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)`,
    ),
    from: `${relation} WHERE ${isUsersTable}`,
    hasExpressions: true,
  },
  {
    kind: "column",
    schema: "n.nspname",
    name: `format('%s.%I', ${relationName}, a.attname)`,
    definition: joined(
      ...[
        "format_type(a.atttypid, a.atttypmod)",
        "a.attnotnull",
        "a.attidentity::text",
        "a.attgenerated::text",
        "a.attstorage::text",
      ],
      ...[
        "nullif(a.attstattarget, -1)",
        ownOptions,
        "a.attfdwoptions",
        "to_jsonb(a) ->> 'attcompression'",
        "pg_get_expr(d.adbin, d.adrelid)",
      ],
      "CASE WHEN a.attcollation <> 0 THEN a.attcollation::regcollation::text END",
      `CASE WHEN a.attacl IS NOT NULL THEN ${rights("a.attacl", "c", "c.relowner")} END`,
    ),
    from: `${relation} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
      WHERE ${isUsersTable}`,
    hasExpressions: true,
  },
  {
    kind: "sequence",
    schema: "n.nspname",
    name: relationName,
    definition: joined(
      ...[
        ownerOf("c.relowner"),
        rights("c.relacl", "s", "c.relowner"),
        "s.seqtypid::regtype::text",
        columnsOf("s", "seqrelid", "seqtypid"),
      ],
      `(SELECT string_agg(format('%s.%I', refobjid::regclass, attname), ', ') FROM pg_depend JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
        WHERE classid = 'pg_class'::regclass AND objid = c.oid AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i'))`,
    ),
    from: `${relation} JOIN pg_sequence s ON s.seqrelid = c.oid WHERE ${isUsersRelation}`,
  },
  {
    kind: "index",
    schema: "n.nspname",
    name: relationName,
    definition: joined(...["pg_get_indexdef(c.oid)", "i.indisclustered", "i.indisreplident", "c.reloptions"]),
    // An invalid index is left out by pg_dump, except of a partitioned table. That of a constraint comes with it.
    from: `${relation} JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid
      WHERE ${isUsersRelation} AND (i.indisvalid OR t.relkind = 'p') AND NOT ${isMember("pg_class", "t.oid")}`,
    hasExpressions: true,
  },
  {
    kind: "constraint",
    schema: "n.nspname",
    name: `format('%I on %s', conname, CASE WHEN conrelid <> 0 THEN conrelid::regclass::text ELSE contypid::regtype::text END)`,
    definition: joined(...["pg_get_constraintdef(k.oid)", "convalidated", "coninhcount", "conislocal"]),
    from: `pg_constraint k JOIN pg_namespace n ON n.oid = connamespace
      WHERE ${isUsers("pg_constraint", "k.oid")} AND ${isLasting("n.nspname")} AND contype NOT IN ('n', 't')
        AND NOT ${isMember("pg_class", "conrelid")} AND NOT ${isMember("pg_type", "contypid")}`,
    hasExpressions: true,
  },
  {
    kind: "trigger",
    schema:
      "(SELECT nspname FROM pg_class r JOIN pg_namespace n ON n.oid = relnamespace WHERE r.oid = tgrelid)",
    name: `format('%I on %s', tgname, tgrelid::regclass)`,
    definition: joined(...["pg_get_triggerdef(g.oid)", "tgenabled::text"]),
    from: `pg_trigger g WHERE NOT tgisinternal AND ${isUsers("pg_trigger", "g.oid")} AND NOT ${isMember("pg_class", "tgrelid")}`,
    hasExpressions: true,
  },
  {
    kind: "rule",
    schema:
      "(SELECT nspname FROM pg_class r JOIN pg_namespace n ON n.oid = relnamespace WHERE r.oid = ev_class)",
    name: `format('%I on %s', rulename, ev_class::regclass)`,
    definition: joined(...["pg_get_ruledef(w.oid)", "ev_enabled::text"]),
    from: `pg_rewrite w WHERE rulename <> '_RETURN' AND ${isUsers("pg_rewrite", "w.oid")} AND NOT ${isMember("pg_class", "ev_class")}`,
    hasExpressions: true,
  },
  {
    kind: "policy",
    schema:
      "(SELECT nspname FROM pg_class r JOIN pg_namespace n ON n.oid = relnamespace WHERE r.oid = polrelid)",
    name: `format('%I on %s', polname, polrelid::regclass)`,
    definition: joined(
      ...[
        "polcmd::text",
        "polpermissive",
        "pg_get_expr(polqual, polrelid)",
        "pg_get_expr(polwithcheck, polrelid)",
      ],
      `(SELECT string_agg(CASE WHEN role = 0 THEN 'public' ELSE format('role %I', pg_get_userbyid(role)) END, ', ' ORDER BY role <> 0, pg_get_userbyid(role) COLLATE "C") FROM unnest(polroles) role)`,
    ),
    from: `pg_policy y WHERE ${isUsers("pg_policy", "y.oid")}`,
    hasExpressions: true,
  },
  {
    kind: "statistics",
    schema: "nspname",
    name: `format('%I.%I', nspname, stxname)`,
    definition: joined(
      ...[
        "pg_get_statisticsobjdef(s.oid)",
        ownerOf("stxowner"),
        "nullif(to_jsonb(s) ->> 'stxstattarget', '-1')",
      ],
    ),
    from: `pg_statistic_ext s JOIN pg_namespace n ON n.oid = stxnamespace WHERE ${isUsers("pg_statistic_ext", "s.oid")}`,
    hasExpressions: true,
  },
  {
    kind: "publication",
    name: "format('%I', pubname)",
    definition: joined(
      ...[columnsOf("b", "pubowner"), ownerOf("pubowner")],
      `(SELECT string_agg(format('%s', to_jsonb(t) - 'pubname'), ', ' ORDER BY t.schemaname COLLATE "C", t.tablename COLLATE "C") FROM pg_publication_tables t WHERE t.pubname = b.pubname)`,
    ),
    from: `pg_publication b WHERE ${isUsers("pg_publication", "b.oid")}`,
    hasExpressions: true,
  },
  {
    kind: "event trigger",
    name: "format('%I', evtname)",
    definition: joined(
      ...["evtevent", "evtfoid::regprocedure::text", "evtenabled::text", "evttags", ownerOf("evtowner")],
    ),
    from: `pg_event_trigger v WHERE ${isUsers("pg_event_trigger", "v.oid")}`,
  },
  {
    kind: "default privileges",
    schema: "(SELECT nspname FROM pg_namespace WHERE oid = defaclnamespace)",
    name: `format('of %I in %s for %s', pg_get_userbyid(defaclrole), coalesce(nullif(defaclnamespace, 0)::regnamespace::text, 'all schemas'), defaclobjtype)`,
    definition: joined(
      `(SELECT string_agg(format('%s %s %s', CASE WHEN grantee = 0 THEN 'public' ELSE format('role %I', pg_get_userbyid(grantee)) END, privilege_type, is_grantable), ', '
        ORDER BY grantee <> 0, pg_get_userbyid(grantee) COLLATE "C", privilege_type COLLATE "C") FROM aclexplode(defaclacl))`,
    ),
    from: "pg_default_acl",
  },
  {
    kind: "foreign server",
    name: "format('%I', srvname)",
    definition: joined(
      ...[
        "fdwname",
        "srvtype",
        "srvversion",
        "srvoptions",
        ownerOf("srvowner"),
        rights("srvacl", "S", "srvowner"),
      ],
      // Options of a mapping can be a password, which only a superuser sees; a dump by others lacks them too.
      `(SELECT string_agg(CASE WHEN umuser = 0 THEN 'public' ELSE format('role %I', usename) END, ', ' ORDER BY umuser <> 0, usename COLLATE "C") FROM pg_user_mappings m WHERE m.srvid = s.oid)`,
    ),
    from: `pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = srvfdw WHERE ${isUsers("pg_foreign_server", "s.oid")}`,
  },
  {
    kind: "comment",
    schema: "o.schema",
    name: "format('on %s %s', o.type, o.identity)",
    definition: joined("description"),
    from: `pg_description t, pg_identify_object(classoid, objoid, objsubid) o
      WHERE objoid >= ${firstUserOid} AND classoid <> 'pg_extension'::regclass AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = classoid AND e.objid = objoid AND e.deptype = 'e')
        AND o.identity IS NOT NULL`,
  },
  {
    kind: "large object",
    name: "l.oid::text",
    definition: joined(ownerOf("lomowner"), rights("lomacl", "L", "lomowner")),
    from: "pg_largeobject_metadata l",
  },
  {
    kind: largeObject,
    name: "l.oid::text",
    definition: contentOfLargeObject,
    from: "pg_largeobject_metadata l",
  },
  {
    // The last value and the increment: somebody may go on using the sequence, so that a dump has a later value.
    kind: sequenceValue,
    schema: "schemaname",
    name: "format('%I.%I', schemaname, sequencename)",
    definition: "format('%s %s', last_value, increment_by)",
    from: `pg_sequences q WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass
      AND e.objid = format('%I.%I', schemaname, sequencename)::regclass AND e.deptype = 'e')`,
  },
  // What these are made of is in the definitions above, or seldom changes: it is enough that a dump brings them back.
  ...[
    ...[
      "pg_operator",
      "pg_opclass",
      "pg_opfamily",
      "pg_cast",
      "pg_conversion",
      "pg_language",
      "pg_collation",
      "pg_transform",
    ],
    ...["pg_ts_config", "pg_ts_dict", "pg_ts_parser", "pg_ts_template", "pg_foreign_data_wrapper", "pg_am"],
  ].map((catalog): Source => ({
    kind: catalog.replace("pg_", "").replaceAll("_", " "),
    schema: "o.schema",
    name: "o.identity",
    definition: joined("o.type"),
    from: `${catalog} x, pg_identify_object('${catalog}'::regclass, x.oid, 0) o WHERE NOT ${isMadeAlong(catalog, "x.oid")} AND ${isUsers(catalog, "x.oid")}`,
  })),
];
