<?php
// PDO_PGSQL: one login, and who the server takes it for; its error otherwise. The one argument is a conninfo string.
try {
    $database = new PDO('pgsql:' . str_replace(' ', ';', $argv[1]));
    echo $database->query('select system_user')->fetchColumn(), "\n";
} catch (PDOException $error) {
    echo $error->getMessage(), "\n";
    exit(1);
}
