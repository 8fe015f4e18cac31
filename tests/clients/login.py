# psycopg2: one login, and who the server takes it for; its error otherwise. The one argument is a conninfo string.
import sys

import psycopg2

try:
    cursor = psycopg2.connect(sys.argv[1]).cursor()
    cursor.execute("select system_user")
    print(cursor.fetchone()[0])
except psycopg2.Error as error:
    print(error)
    sys.exit(1)
