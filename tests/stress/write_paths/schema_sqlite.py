"""Views and triggers of SQLite."""

STATEMENTS = [
    "CREATE VIEW write_paths_userview AS SELECT id, first_name, is_active FROM auth_user",
    """CREATE TRIGGER wp_view INSTEAD OF UPDATE ON write_paths_userview BEGIN
        UPDATE auth_user SET first_name = NEW.first_name, is_active = NEW.is_active
        WHERE id = NEW.id; END""",
    """CREATE TRIGGER wp_view_delete INSTEAD OF DELETE ON write_paths_userview BEGIN
        UPDATE auth_user SET is_active = 0 WHERE id = OLD.id; END""",
    "CREATE VIEW write_paths_tokenview AS SELECT key, user_id FROM authtoken_token",
    """CREATE TRIGGER wp_token_view INSTEAD OF DELETE ON write_paths_tokenview BEGIN
        DELETE FROM authtoken_token WHERE key = OLD.key; END""",
    """CREATE TRIGGER wp_other_table AFTER UPDATE ON write_paths_mood BEGIN
        UPDATE auth_user SET first_name = 'by trigger'
        WHERE NEW.name = 'user ' || auth_user.id; END""",
    """CREATE TRIGGER wp_same_table AFTER UPDATE OF last_name ON auth_user
        WHEN NEW.last_name LIKE 'other %' BEGIN
        UPDATE auth_user SET first_name = 'by trigger'
        WHERE id = CAST(substr(NEW.last_name, 7) AS INTEGER); END""",
    """CREATE TRIGGER wp_same_token AFTER UPDATE OF label ON write_paths_manytoken
        WHEN NEW.label LIKE 'other %' BEGIN
        UPDATE write_paths_manytoken SET uses = uses + 1
        WHERE id = CAST(substr(NEW.label, 7) AS INTEGER); END""",
    """CREATE TABLE wp_linked (key varchar(40) PRIMARY KEY, user_id integer NOT NULL
        REFERENCES auth_user (id) ON DELETE CASCADE,
        team_id bigint REFERENCES write_paths_team (id) ON DELETE CASCADE,
        spare_id bigint REFERENCES write_paths_team (id) ON DELETE SET NULL)""",
    "DROP TABLE write_paths_linkedtoken",
    "ALTER TABLE wp_linked RENAME TO write_paths_linkedtoken",
    """CREATE TABLE wp_node (id integer PRIMARY KEY AUTOINCREMENT, password varchar(128) NOT NULL,
        last_login datetime, name varchar(40) NOT NULL UNIQUE, is_active bool NOT NULL,
        boss_id bigint REFERENCES write_paths_node (id) ON DELETE CASCADE)""",
    """CREATE TABLE wp_nodetoken (key varchar(40) PRIMARY KEY, user_id bigint NOT NULL
        REFERENCES write_paths_node (id) ON DELETE CASCADE)""",
    "DROP TABLE write_paths_nodetoken",
    "DROP TABLE write_paths_node",
    "ALTER TABLE wp_node RENAME TO write_paths_node",
    "ALTER TABLE wp_nodetoken RENAME TO write_paths_nodetoken",
]
