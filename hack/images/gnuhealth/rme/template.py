"""The schema as pg_dump wrote it when the image was built, for databases that are still empty."""
import gzip
import io
from pathlib import Path

PATH = Path('/srv/schema.sql.gz')


def restore(connection):
    """Run the dump in one transaction: it either stands whole, or the database is as empty as before.

    It is sent object by object. An audited server logs the text that was sent with every statement in it, so that one
    text with all of them would be logged thousands of times.
    """
    with connection, connection.cursor() as cursor, gzip.open(PATH, 'rt', encoding='utf-8') as dump:
        statements = []
        for line in dump:
            if line.startswith('COPY ') and line.endswith(' FROM stdin;\n'):
                _execute(cursor, statements)
                statements = []
                cursor.copy_expert(line, _rows(dump))
            elif line.startswith('-- Name: '):
                _execute(cursor, statements)
                statements = []
            # What begins with a backslash speaks to psql, not to the server.
            elif not line.startswith('\\'):
                statements.append(line)
        _execute(cursor, statements)


def _execute(cursor, statements):
    if any(line.strip() and not line.startswith('--') for line in statements):
        cursor.execute(''.join(statements))


def _rows(dump):
    rows = []
    for line in dump:
        if line == '\\.\n':
            break
        rows.append(line)
    return io.StringIO(''.join(rows))
