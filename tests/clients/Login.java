/** pgjdbc, and so DBeaver: one login, and who the server takes it for; its error otherwise. HOST PORT PASSWORD. */
import java.sql.DriverManager;
import java.util.Properties;

public class Login {
    public static void main(String[] args) {
        Properties properties = new Properties();
        properties.setProperty("user", "alice");
        properties.setProperty("sslmode", "disable");
        if (!args[2].isEmpty()) {
            properties.setProperty("password", args[2]);
        }
        String url = "jdbc:postgresql://" + args[0] + ":" + args[1] + "/postgres";
        try (var connection = DriverManager.getConnection(url, properties);
             var rows = connection.createStatement().executeQuery("select system_user")) {
            rows.next();
            System.out.println(rows.getString(1));
        } catch (Exception error) {
            System.out.println(error.getMessage());
            System.exit(1);
        }
    }
}
