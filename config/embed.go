// Package config carries the files that the operator deploys from, so that one
// binary holds everything it needs to stand a stack up.
package config

import (
	"embed"
	"io/fs"
)

//go:embed all:stack
var files embed.FS

// Stack returns the components of a district's stack: the folder config/stack.
func Stack() fs.FS {
	stack, err := fs.Sub(files, "stack")
	if err != nil {
		panic(err) // "stack" is a valid path, which is all that Sub checks
	}
	return stack
}
