package edge

import "context"

// firstTask is the smallest id of a task of AtOnce. JavaScript counts its own ids up from 1, so the two never meet.
const firstTask = 1 << 31

// AtOnce runs functions at the same time on behalf of the request of ctx, and returns when all have ended: the
// first one here, the others on goroutines of their own. Each must use the context that it is given, because a call
// waits for one thing at a time. A panic of any of them comes out of AtOnce.
func AtOnce(ctx context.Context, do ...func(context.Context)) {
	c, err := callOf(ctx)
	if err != nil || len(do) == 1 {
		for _, f := range do {
			f(ctx)
		}
		return
	}
	ended := make(chan any, len(do))
	for _, f := range do[1:] {
		go func() {
			task := &call{id: nextTask()}
			begin(task)
			defer func() {
				task.over()
				c.gone = c.gone || task.gone
				ended <- recover()
			}()
			f(context.WithValue(ctx, callKey{}, task))
		}()
	}
	do[0](ctx)
	for range do[1:] {
		if p := <-ended; p != nil {
			panic(p)
		}
	}
}

func nextTask() uint32 {
	glue.task = (glue.task + 1) % firstTask
	return firstTask + glue.task
}
