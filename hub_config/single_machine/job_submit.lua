-- Which partition a job goes to that names none: work without a GPU has nodes of its own, so that it
-- never keeps a GPU waiting. Nothing here is a fence: a partition refuses what it is not for.

local WAYS_TO_ASK = { "tres_per_job", "tres_per_node", "tres_per_socket", "tres_per_task" }

local function asks_for_gpu(job)
  for _, key in ipairs(WAYS_TO_ASK) do
    local asked = job[key]
    if asked ~= nil and string.find(asked, "gpu", 1, true) then
      return true
    end
  end
  return false
end

function slurm_job_submit(job, partitions, user)
  if job.partition == nil and not asks_for_gpu(job) then
    job.partition = "cpu"
  end
  return slurm.SUCCESS
end

function slurm_job_modify(job, record, partitions, user)
  return slurm.SUCCESS
end
