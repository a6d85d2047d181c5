package edge

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Tell posts JSON to an address within ten seconds and returns the HTTP status of the answer.
func Tell(ctx context.Context, address, body string) (status int, err error) {
	r, err := ask(ctx, opTell, address+"\x00"+body)
	if err != nil {
		return 0, err
	}
	if r.status < 0 {
		return 0, errors.New(r.body)
	}
	return int(r.status), nil
}

// Outcomes are the Worker's counts of the last quarter of an hour: "order CODE", "upsale CODE", "event NAME".
func Outcomes(ctx context.Context) (map[string]int64, error) {
	r, err := ask(ctx, opOutcomes, "")
	if err != nil {
		return nil, err
	}
	if r.status < 0 {
		return nil, fmt.Errorf("outcomes: %s", r.body)
	}
	counts := map[string]int64{}
	for line := range strings.SplitSeq(r.body, "\n") {
		name, number, ok := strings.Cut(line, "\t")
		if n, err := strconv.ParseInt(number, 10, 64); ok && err == nil {
			counts[name] += n
		}
	}
	return counts, nil
}
