# Ruby pg: one login, and who the server takes it for; its error otherwise. The one argument is a conninfo string.
require 'pg'

begin
  puts PG.connect(ARGV[0]).exec('select system_user').getvalue(0, 0)
rescue PG::Error => e
  puts e.message
  exit 1
end
