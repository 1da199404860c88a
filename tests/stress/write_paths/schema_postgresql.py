"""Views, rules, triggers, functions, partitions and children of PostgreSQL."""

CASCADE = "ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE"
STATEMENTS = [
    "CREATE VIEW write_paths_userview AS SELECT id, first_name, is_active FROM auth_user",
    "CREATE VIEW write_paths_tokenview AS SELECT key, user_id FROM authtoken_token",
    "CREATE VIEW wp_ruled AS SELECT id, first_name || '' AS first_name FROM auth_user",
    """CREATE RULE wp_rule AS ON UPDATE TO wp_ruled DO INSTEAD
        UPDATE auth_user SET first_name = NEW.first_name WHERE id = OLD.id""",
    """CREATE RULE wp_mood_rule AS ON DELETE TO write_paths_mood DO ALSO
        UPDATE auth_user SET first_name = 'by rule' WHERE 'rule ' || id = OLD.name""",
    """CREATE FUNCTION wp_other_table() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        UPDATE auth_user SET first_name = 'by trigger' WHERE 'user ' || id = NEW.name;
        RETURN NEW; END$$""",
    """CREATE TRIGGER wp_other_table AFTER UPDATE ON write_paths_mood
        FOR EACH ROW EXECUTE FUNCTION wp_other_table()""",
    """CREATE FUNCTION wp_same_table() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        UPDATE auth_user SET first_name = 'by trigger'
        WHERE id = substr(NEW.last_name, 7)::integer; RETURN NEW; END$$""",
    """CREATE TRIGGER wp_same_table AFTER UPDATE ON auth_user FOR EACH ROW
        WHEN (NEW.last_name LIKE 'other %') EXECUTE FUNCTION wp_same_table()""",
    """CREATE FUNCTION wp_same_token() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        UPDATE write_paths_manytoken SET uses = uses + 1
        WHERE id = substr(NEW.label, 7)::integer; RETURN NEW; END$$""",
    """CREATE TRIGGER wp_same_token AFTER UPDATE ON write_paths_manytoken FOR EACH ROW
        WHEN (NEW.label LIKE 'other %') EXECUTE FUNCTION wp_same_token()""",
    """CREATE FUNCTION wp_rename(who integer) RETURNS integer LANGUAGE sql AS
        $$UPDATE auth_user SET first_name = 'by function' WHERE id = who RETURNING id$$""",
    """CREATE PROCEDURE wp_procedure(who integer) LANGUAGE sql AS
        $$UPDATE auth_user SET first_name = 'by procedure' WHERE id = who$$""",
    """CREATE PROCEDURE wp_committing(who integer) LANGUAGE plpgsql AS $$BEGIN
        UPDATE auth_user SET first_name = 'first' WHERE id = who; COMMIT;
        UPDATE auth_user SET first_name = 'second' WHERE id = who; END$$""",
    "DROP TABLE write_paths_partitioned",
    """CREATE TABLE write_paths_partitioned (key varchar(40) PRIMARY KEY,
        user_id integer NOT NULL, label varchar(40) NOT NULL) PARTITION BY HASH (key)""",
    """CREATE TABLE wp_part_0 PARTITION OF write_paths_partitioned
        FOR VALUES WITH (MODULUS 2, REMAINDER 0)""",
    """CREATE TABLE wp_part_1 PARTITION OF write_paths_partitioned
        FOR VALUES WITH (MODULUS 2, REMAINDER 1)""",
    "CREATE TABLE wp_heir () INHERITS (write_paths_texttoken)",
    "ALTER TABLE wp_heir ADD PRIMARY KEY (key)",
    f"""ALTER TABLE write_paths_linkedtoken ADD CONSTRAINT wp_team FOREIGN KEY (team_id)
        REFERENCES write_paths_team (id) {CASCADE}""",
    """ALTER TABLE write_paths_linkedtoken ADD CONSTRAINT wp_spare FOREIGN KEY (spare_id)
        REFERENCES write_paths_team (id) ON DELETE SET NULL""",
    f"""ALTER TABLE write_paths_node ADD CONSTRAINT wp_boss FOREIGN KEY (boss_id)
        REFERENCES write_paths_node (id) {CASCADE}""",
    """DO $$DECLARE found record; BEGIN FOR found IN
        SELECT conrelid::regclass AS place, conname FROM pg_constraint WHERE contype = 'f'
        AND conrelid IN ('write_paths_linkedtoken'::regclass, 'write_paths_nodetoken'::regclass)
        AND confrelid IN ('auth_user'::regclass, 'write_paths_node'::regclass)
        LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.place, found.conname);
        END LOOP; END$$""",
    f"""ALTER TABLE write_paths_linkedtoken ADD CONSTRAINT wp_user FOREIGN KEY (user_id)
        REFERENCES auth_user (id) {CASCADE}""",
    f"""ALTER TABLE write_paths_nodetoken ADD CONSTRAINT wp_node FOREIGN KEY (user_id)
        REFERENCES write_paths_node (id) {CASCADE}""",
    "CREATE SCHEMA wp_tenant",
    "CREATE TABLE wp_tenant.auth_user (LIKE public.auth_user INCLUDING ALL)",
    "CREATE TABLE wp_tenant.authtoken_token (LIKE public.authtoken_token INCLUDING ALL)",
]
