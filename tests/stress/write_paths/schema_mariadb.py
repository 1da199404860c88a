"""Views, triggers and routines of MariaDB."""

STATEMENTS = [
    "CREATE VIEW write_paths_userview AS SELECT id, first_name, is_active FROM auth_user",
    "CREATE VIEW write_paths_tokenview AS SELECT `key`, user_id FROM authtoken_token",
    """CREATE TRIGGER wp_other_table AFTER UPDATE ON write_paths_mood FOR EACH ROW
        UPDATE auth_user SET first_name = 'by trigger' WHERE CONCAT('user ', id) = NEW.name""",
    # MariaDB lets no trigger change its own table; by way of another one it would be refused too.
    "CREATE TABLE wp_log (id bigint PRIMARY KEY AUTO_INCREMENT, text varchar(100))",
    """CREATE PROCEDURE wp_rename(who integer)
        UPDATE auth_user SET first_name = 'by procedure' WHERE id = who""",
    """CREATE PROCEDURE wp_set_first(who integer) BEGIN
        SELECT 1; DO SLEEP(0.02);
        UPDATE auth_user SET first_name = 'by procedure' WHERE id = who; END""",
    """CREATE PROCEDURE wp_committing(who integer) BEGIN START TRANSACTION;
        UPDATE auth_user SET first_name = 'by procedure' WHERE id = who; COMMIT; END""",
    """CREATE PROCEDURE wp_failing(who integer) BEGIN
        UPDATE auth_user SET first_name = 'by procedure' WHERE id = who;
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'after the write'; END""",
    """CREATE FUNCTION wp_function(who integer) RETURNS integer MODIFIES SQL DATA BEGIN
        UPDATE auth_user SET first_name = 'by function' WHERE id = who; RETURN who; END""",
    "DROP TABLE write_paths_partitioned",
    """CREATE TABLE write_paths_partitioned (`key` varchar(40) PRIMARY KEY,
        user_id integer NOT NULL, label varchar(40) NOT NULL)
        PARTITION BY KEY (`key`) PARTITIONS 3""",
    """ALTER TABLE write_paths_texttoken MODIFY `key` varchar(40)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL""",
    """ALTER TABLE write_paths_linkedtoken ADD CONSTRAINT wp_team FOREIGN KEY (team_id)
        REFERENCES write_paths_team (id) ON DELETE CASCADE""",
    """ALTER TABLE write_paths_linkedtoken ADD CONSTRAINT wp_spare FOREIGN KEY (spare_id)
        REFERENCES write_paths_team (id) ON DELETE SET NULL""",
    """ALTER TABLE write_paths_node ADD CONSTRAINT wp_boss FOREIGN KEY (boss_id)
        REFERENCES write_paths_node (id) ON DELETE CASCADE""",
]


def constraints_of(cursor, table, parent):
    """Return the foreign keys from one table to another, by name."""
    cursor.execute(
        "SELECT constraint_name FROM information_schema.referential_constraints "
        "WHERE constraint_schema = DATABASE() AND table_name = %s AND referenced_table_name = %s",
        (table, parent),
    )
    return [name for (name,) in cursor.fetchall()]


def replace_constraints(cursor):
    """Let the database delete the tokens of a user who is deleted."""
    for table, parent in (
        ("write_paths_linkedtoken", "auth_user"),
        ("write_paths_nodetoken", "write_paths_node"),
    ):
        for name in constraints_of(cursor, table, parent):
            cursor.execute(f"ALTER TABLE {table} DROP FOREIGN KEY {name}")
        cursor.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT wp_{table} FOREIGN KEY (user_id) "
            f"REFERENCES {parent} (id) ON DELETE CASCADE"
        )
