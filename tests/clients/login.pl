# Perl DBD::Pg: one login, and who the server takes it for; its error otherwise. The one argument is a conninfo string.
use strict;
use warnings;
use DBI;

my $database = DBI->connect('dbi:Pg:' . join(';', split / /, $ARGV[0]), '', '', { PrintError => 0 });
if (!$database) {
    print DBI->errstr, "\n";
    exit 1;
}
print scalar $database->selectrow_array('select system_user'), "\n";
