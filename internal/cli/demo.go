package cli

import (
	"context"
	"io"
)

func (u *up) demo(ctx context.Context, out io.Writer) error { return nil }
