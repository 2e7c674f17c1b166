package tts

import (
	"context"
	"fmt"
	"sync"

	"github.com/tidegate/tidegate/internal/sherpa"
	"github.com/tidegate/tidegate/internal/speechmodel"
)

// instances are the loaded copies of one model. Each computes one sentence at
// a time; requests beyond them wait in a queue of bounded length.
type instances struct {
	model          *speechmodel.Model
	identity       string // of its files
	rate, speakers int

	loaded int
	free   chan *sherpa.TTS // those that compute nothing
	places chan struct{}    // of requests, speaking or waiting
	ending sync.Once
	ended  chan struct{} // closed by close
}

// loadInstances loads a model n times, the second to last only when the
// first could be loaded.
func loadInstances(cfg sherpa.TTSConfig, n, queue int) (*instances, error) {
	p := &instances{free: make(chan *sherpa.TTS, n), places: make(chan struct{}, n+queue), ended: make(chan struct{})}
	for range n {
		m, err := sherpa.NewTTS(cfg)
		if err != nil {
			p.close()
			return nil, err
		}
		p.rate, p.speakers = m.SampleRate(), m.Speakers()
		p.loaded++
		p.free <- m
	}
	return p, nil
}

// enter takes a place for a request, or says that there is none.
func (p *instances) enter() (leave func(), err error) {
	select {
	case p.places <- struct{}{}:
		return func() { <-p.places }, nil
	default:
		return nil, fmt.Errorf("%w: %d requests speak or wait", ErrOverloaded, cap(p.places))
	}
}

// sentence has one instance speak a sentence, and gives the sound to emit
// piece by piece, on the caller's goroutine. When ctx ends it returns at once;
// the instance is free again when the library notices.
func (p *instances) sentence(ctx context.Context, text string, v sherpa.Voice, emit func([]float32) error) error {
	m, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Room for all clauses of a sentence: who listens slowly holds no model.
	pieces, result := make(chan []float32, maxSentence), make(chan error, 1)
	go func() {
		defer func() { p.free <- m }()
		err := m.Generate(ctx, text, v, func(pcm []float32) error {
			select {
			case pieces <- pcm:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(pieces)
		result <- err
	}()
	for {
		select {
		case pcm, more := <-pieces:
			if !more {
				return <-result
			}
			if err := ctx.Err(); err != nil {
				return err // both were there: the end comes first
			}
			if err := emit(pcm); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *instances) acquire(ctx context.Context) (*sherpa.TTS, error) {
	select {
	case <-p.ended:
		return nil, ErrClosed
	default:
	}
	select {
	case m := <-p.free:
		return m, nil
	case <-p.ended:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close waits for what is computed, and frees the models.
func (p *instances) close() {
	p.ending.Do(func() {
		close(p.ended)
		for range p.loaded {
			m := <-p.free
			m.Close()
		}
	})
}
