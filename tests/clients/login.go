// Go pgx: one login, and who the server takes it for; its error otherwise. The arguments are a conninfo string, and the file
// of the token that it may show, if any.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
)

func systemUser(ctx context.Context, conninfo string, files []string) (user string, err error) {
	config, err := pgx.ParseConfig(conninfo)
	if err != nil {
		return "", err
	}
	if len(files) > 0 {
		config.OAuthTokenProvider = func(context.Context) (string, error) {
			token, err := os.ReadFile(files[0])
			return strings.TrimSpace(string(token)), err
		}
	}
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer connection.Close(ctx)
	err = connection.QueryRow(ctx, "select system_user").Scan(&user)
	return user, err
}

func main() {
	user, err := systemUser(context.Background(), os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(user)
}
