/**
 * The console: a page for people, built on the SDK alone. It keeps nothing that matters: reload it,
 * and everything is as it was, what was typed and not yet answered included.
 */
import './style.css'
import { render } from 'preact'
import { App } from './app.tsx'

const root = document.getElementById('app')
if (root) render(<App />, root)
