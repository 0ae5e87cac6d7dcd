-- Buffers that show what the daemon tells, and that nobody is asked to save.
local M = {}

--- The buffer of a name, in a window of its own; made where there is none.
function M.open(name, filetype)
  local buffer = vim.fn.bufnr("^" .. vim.fn.escape(name, "[]*?") .. "$")
  if buffer == -1 then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, name)
    vim.api.nvim_buf_set_option(buffer, "bufhidden", "hide")
  end
  vim.api.nvim_buf_set_option(buffer, "filetype", filetype)
  if vim.fn.bufwinid(buffer) == -1 then
    vim.cmd("botright split")
    vim.api.nvim_win_set_buf(0, buffer)
  end
  return buffer
end

--- Puts lines in the place of those from `first` to `last` (from 0, `last` not included).
function M.put(buffer, first, last, text)
  if not vim.api.nvim_buf_is_valid(buffer) then
    return
  end
  vim.api.nvim_buf_set_option(buffer, "modifiable", true)
  vim.api.nvim_buf_set_lines(buffer, first, last, false, text)
  vim.api.nvim_buf_set_option(buffer, "modifiable", false)
end

--- A text as one line, without what would steer a terminal.
function M.line(text)
  return (text:gsub("\27%[[0-?]*[ -/]*[@-~]", ""):gsub("%c", " "))
end

return M
